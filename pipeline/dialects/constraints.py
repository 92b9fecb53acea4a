"""Keys, indexes, relationships and checks of a draft: what PostgreSQL can take of the source's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import inf

from pipeline.catalog import Check, Column, ForeignKey, Index, IndexPart, SqlType, Table, shown_choices
from pipeline.dialects.naming import Names
from pipeline.dialects.rules import Columns, Dialect
from pipeline.mapping.conditions import named_columns, valid_condition, valid_predicate
from pipeline.mapping.models import CheckMapping, ForeignKeyMapping, IndexMapping, Unique
from pipeline.mapping.types import family, parse_type
from pipeline.mapping.write import entry

Note = Callable[[str, str | None, str], None]
"""Is told table, column and text of what is left out."""
_SHOWN_CHARACTERS = 300
_Shape = tuple[tuple[IndexPart, ...], tuple[str, ...], bool, str | None]
"""What makes two indexes one."""
_MOST_COLUMNS = 32  # of an index
_ROOM = 2_600
"""Bytes of an index row: a third of a page, less what PostgreSQL itself puts there."""
_UNBOUNDED = frozenset(("text", "varchar", "bytea", "json", "jsonb", "xml"))
_BYTES = 32  # of any other value: a decimal of 38 digits takes 24
_BYTES_OF_TEXT = 8  # its length, and what aligns it
_BYTES_OF_CHARACTER = 3  # in UTF-8, of what is one byte of a code page or one unit of UTF-16


def columns_of(table: Table, dialect: Dialect, names: Names) -> Columns:
    """The columns as a draft has them, for the expressions over them."""
    rules = {column.name: dialect.rule(column.type) for column in table.columns}
    return Columns(
        {column.name: names.column(column.name) for column in table.columns},
        {c.name: rule.computed_as(c.type) for c in table.columns if (rule := rules[c.name])},
        {column.name: column.collation for column in table.columns if column.collation},
    )


@dataclass(frozen=True, slots=True)
class Constraints:
    """Drafts what holds between the rows and columns of one catalog's tables."""

    tables: Mapping[str, Table]
    """All of the catalog, by name."""
    dialect: Dialect
    names: Names
    note: Note
    lookups: bool
    """Whether lists of values become checks."""

    def keys_and_indexes(self, table: Table) -> tuple[tuple[Unique, ...], tuple[IndexMapping, ...]]:
        """Each set of columns once: Access lists an index beside the key it repeats."""
        unread = {column.name for column in table.columns if self.dialect.rule(column.type) is None}
        keys = {table.primary_key}
        shapes: set[_Shape] = set()
        unique, indexes = [], []
        for index in sorted(table.indexes, key=lambda index: not index.unique):
            shape = (index.parts, index.included, index.ignore_nulls and not index.unique, index.predicate)
            plain = not (index.included or index.predicate or any(part.descending for part in index.parts))
            if index.primary or shape in shapes or (plain and index.columns in keys):
                continue
            if unread & {*index.columns}:
                self.note(table.name, None, f"index {index.name} is left out: a column of it is not read yet")
                continue
            if not index.unique and self._holds_long_text(table, index):
                text = "a column of it holds text of any length, and PostgreSQL's indexes end at a third of a page"
                self.note(table.name, None, f"index {index.name} is left out: {text}")
                continue
            shapes.add(shape)
            if index.unique and plain:
                keys.add(index.columns)
                unique.append(Unique(name=self.names.index(table.name, index.columns, "key"), columns=index.columns))
                self._tell_of_nulls(table, index)
            elif drafted := self._index(table, index):
                indexes.append(drafted)
                self._tell_of_nulls(table, index, drafted.where)
        return tuple(unique), tuple(indexes)

    def _holds_long_text(self, table: Table, index: Index) -> bool:
        rules = [(self.dialect.rule(table.column(name).type), table.column(name).type) for name in index.columns]
        return any(rule and not rule.opaque and rule.postgres_for(type) == "text" for rule, type in rules)

    def _index(self, table: Table, index: Index) -> IndexMapping | None:
        """None where its predicate has no translation: on all rows it would be another index."""
        columns = columns_of(table, self.dialect, self.names)
        try:
            where = index.predicate and valid_predicate(self.dialect.check(index.predicate, None, columns))
        except ValueError as error:
            what = f"{'unique ' * index.unique}index {index.name}"
            shown = _cut(str(index.predicate))
            self.note(table.name, None, f"{what} is left out: it holds only rows with {shown} ({error})")
            return None
        return IndexMapping(
            name=self.names.index(table.name, index.columns, "idx"),
            columns=index.columns,
            descending=tuple(part.column for part in index.parts if part.descending),
            unique=index.unique,
            # Where NULLs differ from each other, as in Access and PostgreSQL, a unique index has no use for it.
            ignore_nulls=index.ignore_nulls and not index.unique,
            include=self._included(table, index),
            where=where,
        )

    def _tell_of_nulls(self, table: Table, index: Index, where: str | None = None) -> None:
        """NULLS NOT DISTINCT would do as the source does, from PostgreSQL 15 on; 13 is the oldest that is supported."""
        if not (self.dialect.one_null and index.unique):
            return
        # A condition that names a column is hardly ever met by its NULL.
        limited = named_columns(where or "true")
        free = [c for c in index.columns if table.column(c).nullable and self.names.column(c) not in limited]
        if free:
            takes = f"takes NULL in {', '.join(free)} for one value in {self.dialect.name}"
            text = f"unique index {index.name} {takes}, and for another each time in PostgreSQL"
            self.note(table.name, None, text)

    def _included(self, table: Table, index: Index) -> tuple[str, ...]:
        """Its further columns, but for those that a row of PostgreSQL's index may not have room for."""
        kept: list[str] = []
        for name in index.included:
            if reason := self._why_not_beside(table, (*index.columns, *kept), name):
                self.note(table.name, name, f"index {index.name} includes it and is carried without: {reason}")
            else:
                kept.append(name)
        return tuple(kept)

    def _why_not_beside(self, table: Table, held: tuple[str, ...], column: str) -> str | None:
        """A value that is too long would end the run when all rows have arrived."""
        types = [self._type(table.column(name)) for name in (*held, column)]
        if types[-1] is None:
            return "it is not carried"
        if len(types) > _MOST_COLUMNS:
            return f"an index of PostgreSQL has at most {_MOST_COLUMNS} columns"
        if sum(_most_bytes(type) for type in types if type) > _ROOM:
            return "it may be too long for PostgreSQL's index, whose rows end at a third of a page"
        return None

    def foreign_keys(self, table: Table) -> tuple[ForeignKeyMapping, ...]:
        """Those that the source enforces; the notice of another is the line that would add it."""
        keys = []
        for key in table.foreign_keys:
            reason = self._why_not(table, key)
            if reason:
                self.note(table.name, None, f"relationship {key.name} to {key.parent} is left out: {reason}")
                continue
            drafted = ForeignKeyMapping(
                name=self.names.constraint(table.name, key.columns, "fkey"),
                columns=key.columns,
                references=key.parent,
                referenced_columns=key.parent_columns,
                on_update=key.on_update.value,
                on_delete=key.on_delete.value,
                not_valid=not key.enforced,
            )
            if key.enforced:
                keys.append(drafted)
            else:
                text = "the source does not enforce it; to have new rows checked, add under foreign_keys: "
                self.note(
                    table.name, None, f"relationship {key.name} to {key.parent} is left out: {text}{entry(drafted)}"
                )
        return tuple(keys)

    def checks(self, table: Table) -> tuple[CheckMapping, ...]:
        columns = columns_of(table, self.dialect, self.names)
        drafted = []
        for what, check in (*(("validation rule", check) for check in table.checks), *self._lookups(table)):
            column = next(iter(check.columns), None)
            try:
                sql = valid_condition(self.dialect.check(check.expression, column, columns))
            except ValueError as error:
                self.note(table.name, column, f"{what} is not carried: {_cut(check.expression)} ({error})")
                continue
            drafted.append(CheckMapping(name=self.names.constraint(table.name, check.columns, "check"), sql=sql))
        return tuple(drafted)

    def _lookups(self, table: Table) -> Iterator[tuple[str, Check]]:
        """Lists of values as rules, where they are asked for."""
        for column in table.columns:
            if not column.choices:
                continue
            try:
                rule = self.dialect.one_of(column.choices, column.type)
            except ValueError as error:
                self.note(table.name, column.name, f"its lookup list is not carried: {error}")
                continue
            if self.lookups:
                yield "lookup list", Check(column.name, rule, (column.name,))
            else:
                text = f"forms take only {shown_choices(column.choices)}; `map --lookups` drafts that as a check"
                self.note(table.name, column.name, text)

    def _type(self, column: Column) -> SqlType | None:
        rule = self.dialect.rule(column.type)
        return parse_type(rule.postgres_for(column.type)) if rule else None

    def _why_not(self, child: Table, key: ForeignKey) -> str | None:
        parent = self.tables.get(key.parent)
        if parent is None:
            return "the parent is not a table of this source"
        keys = [sorted(index.columns) for index in parent.indexes if index.tells_apart]
        if sorted(key.parent_columns) not in keys:
            return "its columns are not a key of the parent"
        ours = [self._type(child.column(name)) for name in key.columns]
        theirs = [self._type(parent.column(name)) for name in key.parent_columns]
        if not all(a and b and family(a) == family(b) for a, b in zip(ours, theirs, strict=True)):
            return "its columns are of other types than the parent's"
        return None


def _most_bytes(type: SqlType) -> float:
    """Of a value in an index."""
    match type.name, type.args:
        case (("varchar" | "char"), (length,)):
            return _BYTES_OF_TEXT + _BYTES_OF_CHARACTER * length
        case name, _ if name in _UNBOUNDED:
            return inf
    return _BYTES


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}..."
