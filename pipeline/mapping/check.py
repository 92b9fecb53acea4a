"""What a mapping must hold against its source, before anything is planned from it.

Each check raises MappingError with the line of the mapping it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from typing import NoReturn

from pipeline.catalog import Catalog, ForeignKey, Index, Table
from pipeline.errors import MappingError
from pipeline.mapping.conditions import named_columns
from pipeline.mapping.document import Keys, dotted
from pipeline.mapping.models import Mapping, TableMapping
from pipeline.mapping.names import primary_key_name, valid_column, valid_name
from pipeline.mapping.scalars import quoted
from pipeline.mapping.types import family

Named = tuple[str, Keys]
"""A PostgreSQL name, and the entry of the mapping that gives it."""
Where = Callable[..., str]
"""Where the entry under some keys of a mapping stands: `where("tables", "Items")`."""
Pair = tuple[Table, Table]
"""A table as the source has it, and as the target will."""

EDIT = " in the mapping (`python -m pipeline map` writes one to edit)"


def drafted(*_: str | int) -> str:
    """The `Where` of a mapping that is not a file."""
    return "mapping"


def refuse(where: Where, keys: Keys, text: str, *, hint: str | None = None) -> NoReturn:
    raise MappingError(f"{where(*keys)}: {dotted(keys)}: {text}", hint=hint)


def complete(mapping: Mapping, source: Catalog, where: Where) -> None:
    """Every table and column of the source is in the mapping, and nothing else is."""
    _same_names("table", (), mapping.tables, (table.name for table in source.tables), where)
    for table in source.tables:
        mapped = mapping.tables[table.name]
        if mapped.skip:
            continue
        _same_names("column", ("tables", table.name), mapped.columns, table.column_names, where)
        if table.columns and all(column.skip for column in mapped.columns.values()):
            hint = f"skip the table instead: `{quoted(table.name)}: {{skip: true}}`"
            refuse(where, ("tables", table.name), "every column is skipped", hint=hint)


def references(mapping: Mapping, where: Where) -> None:
    """Keys, indexes, relationships and filters name columns that are carried."""
    for name, table in mapping.tables.items():
        if table.skip:
            continue
        for keys, columns in _column_lists(table):
            _carried(mapping, name, ("tables", name, *keys), columns, where)
        for i, condition in enumerate(table.filter):
            if condition.column not in table.columns:
                refuse(where, ("tables", name, "filter", i), f"no column {condition.column!r} in {name!r}")
        for i, check in enumerate(table.checks):
            _known(mapping, name, check.sql, ("tables", name, "checks", i), where)
        for i, index in enumerate(table.indexes):
            _known(mapping, name, index.where or "true", ("tables", name, "indexes", i), where)
        _generated(mapping, name, where)
        for i, key in enumerate(table.foreign_keys):
            _parent(mapping, key.references, ("tables", name, "foreign_keys", i), where)
            _carried(mapping, key.references, ("tables", name, "foreign_keys", i), key.referenced_columns, where)


def distinct_names(mapping: Mapping, where: Where) -> None:
    """No two things of one PostgreSQL namespace share a name, and PostgreSQL keeps each name whole."""
    kept = {name: table for name, table in mapping.tables.items() if not table.skip}
    relations: list[Named] = [(mapping.table_name(name), ("tables", name)) for name in kept]
    for name, table in kept.items():
        here: Keys = ("tables", name)
        columns = [(made, (*here, "columns", c)) for c in table.columns for made in mapping.column_names(name, c)]
        _distinct("columns", columns, valid_column, where)
        indexes = list(_index_names(mapping, name, here))
        foreign_keys = [(key.name, (*here, "foreign_keys", i)) for i, key in enumerate(table.foreign_keys)]
        checks = [(check.name, (*here, "checks", i)) for i, check in enumerate(table.checks)]
        _distinct("constraints", indexes + foreign_keys + checks, valid_name, where)
        relations += indexes
    relations += [(mapping.view_name(name), ("views", name)) for name, view in mapping.views.items() if not view.skip]
    _distinct("tables, views or indexes", relations, valid_name, where)


def sound_foreign_keys(pairs: Iterable[Pair], where: Where) -> None:
    """A foreign key refers to a key of its parent, with types that can be compared."""
    pairs = tuple(pairs)
    parents = {target.name: target for _, target in pairs}
    for source, target in pairs:
        for i, key in enumerate(target.foreign_keys):
            keys: Keys = ("tables", source.name, "foreign_keys", i)
            parent = parents[key.parent]
            if not _is_key(parent.indexes, key.parent_columns):
                columns = ", ".join(key.parent_columns)
                hint = "name them as its primary_key, or under unique"
                refuse(where, keys, f"({columns}) is neither primary key nor unique in {parent.name}", hint=hint)
            _comparable(target, key, parent, keys, where)


def _same_names(kind: str, above: Keys, mapped: Iterable[str], found: Iterable[str], where: Where) -> None:
    mapped, found = set(mapped), list(found)
    entries = (*above, f"{kind}s")
    of = f" of {above[-1]!r}" if above else ""
    for name in sorted(mapped.difference(found)):
        refuse(where, (*entries, name), f"the source has no {kind} {name!r}{of}", hint=closest(name, found))
    for name in found:
        if name not in mapped:
            text = f"the source's {kind} {name!r}{of} is not in the mapping"
            refuse(where, entries, text, hint=f"to leave it behind, add `{quoted(name)}: {{skip: true}}`")
    if len(set(found)) < len(found):
        refuse(where, entries, f"the source has two {kind}s of one name{of}, so none of them can be mapped")


def closest(name: str, found: Iterable[str]) -> str:
    close = get_close_matches(name, tuple(found), n=1)
    return f"did you mean {close[0]!r}?" if close else "remove the line, or draft the mapping again"


def _column_lists(table: TableMapping) -> Iterator[tuple[Keys, tuple[str, ...]]]:
    yield ("primary_key",), table.primary_key
    for i, unique in enumerate(table.unique):
        yield ("unique", i), unique.columns
    for i, index in enumerate(table.indexes):
        yield ("indexes", i), index.columns
        yield ("indexes", i), index.include
    for i, key in enumerate(table.foreign_keys):
        yield ("foreign_keys", i), key.columns


def _carried(mapping: Mapping, table: str, keys: Keys, columns: tuple[str, ...], where: Where) -> None:
    known = mapping.tables[table].columns
    for column in columns:
        if column not in known:
            refuse(where, keys, f"no column {column!r} in {table!r}", hint=closest(column, known))
        if known[column].skip:
            refuse(where, keys, f"column {column!r} of {table!r} is skipped", hint="carry it, or remove this entry")
    if len(set(columns)) < len(columns):
        refuse(where, keys, f"a column is named twice: {', '.join(columns)}")


def _known(mapping: Mapping, table: str, sql: str, keys: Keys, where: Where) -> None:
    """An expression names columns that the target table will have."""
    carried = [made for c in mapping.tables[table].columns for made in mapping.column_names(table, c)]
    for column in named_columns(sql):
        if column not in carried:
            text = f"no column {column!r} in {mapping.table_name(table)!r}"
            refuse(where, keys, text, hint=closest(column, carried))


def _generated(mapping: Mapping, table: str, where: Where) -> None:
    """Generated columns are computed from columns that are written: PostgreSQL computes none from another."""
    mapped = mapping.tables[table]
    computed = {mapping.column_name(table, c): c for c, m in mapped.columns.items() if m.generated and not m.skip}
    for source in computed.values():
        keys, sql = ("tables", table, "columns", source), mapped.columns[source].generated or ""
        _known(mapping, table, sql, keys, where)
        for column in named_columns(sql):
            if column in computed:
                hint = "write that column's own expression in its place, or carry one of the two as stored"
                refuse(where, keys, f"is generated from {column!r}, which is generated itself", hint=hint)
        if source in mapped.primary_key:
            refuse(where, keys, "is generated and part of the primary key", hint="carry it as stored")
    for i, key in enumerate(mapped.foreign_keys):
        if {*key.columns} & {*computed.values()} and (key.on_update != "no action" or key.on_delete == "set null"):
            text = "would write to a generated column when its parent changes"
            refuse(where, ("tables", table, "foreign_keys", i), text, hint="take on_update and `set null` from it")


def _parent(mapping: Mapping, name: str, keys: Keys, where: Where) -> None:
    if name not in mapping.tables:
        refuse(where, keys, f"no table {name!r}", hint=closest(name, mapping.tables))
    if mapping.tables[name].skip:
        refuse(where, keys, f"table {name!r} is skipped", hint="carry it, or remove this foreign key")


def _index_names(mapping: Mapping, name: str, here: Keys) -> Iterator[Named]:
    table = mapping.tables[name]
    if table.primary_key:
        yield primary_key_name(mapping.table_name(name)), (*here, "primary_key")
    for i, unique in enumerate(table.unique):
        yield unique.name, (*here, "unique", i)
    for i, index in enumerate(table.indexes):
        yield index.name, (*here, "indexes", i)


def _distinct(what: str, names: Iterable[Named], valid: Callable[[str], str], where: Where) -> None:
    seen: dict[str, Keys] = {}
    for name, keys in names:
        try:
            valid(name)
        except ValueError as error:
            refuse(where, keys, str(error), hint=f"give it another name{EDIT}")
        if name in seen:
            text = f"two {what} are named {name!r}; the other is {dotted(seen[name])}"
            refuse(where, keys, text, hint=f"give one of them another name{EDIT}")
        seen[name] = keys


def _comparable(child: Table, key: ForeignKey, parent: Table, keys: Keys, where: Where) -> None:
    for ours, theirs in zip(key.columns, key.parent_columns, strict=True):
        left, right = child.column(ours).type, parent.column(theirs).type
        if family(left) != family(right):
            text = f"{ours} is {left}, and {parent.name}.{theirs} is {right}"
            refuse(where, keys, text, hint="give both columns the same type")


def _is_key(indexes: Iterable[Index], columns: tuple[str, ...]) -> bool:
    """Whether PostgreSQL takes these columns, in any order, as the far side of a foreign key."""
    wanted = sorted(columns)
    return any(
        sorted(index.columns) == wanted for index in indexes if index.primary or (index.unique and not index.partial)
    )
