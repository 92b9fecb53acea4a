"""From a source's catalog and a mapping to the catalog that the target shall have."""

from __future__ import annotations

from pipeline.catalog import Action, Catalog, Check, Column, ForeignKey, Identity, Index, IndexPart, SqlType, Table
from pipeline.mapping import check
from pipeline.mapping.check import EDIT, Where, drafted, refuse
from pipeline.mapping.conditions import named_columns
from pipeline.mapping.defaults import default_fits
from pipeline.mapping.models import ColumnMapping, Mapping
from pipeline.mapping.names import primary_key_name
from pipeline.mapping.scalars import quoted
from pipeline.mapping.types import INTEGERS
from pipeline.mapping.views import target_views


def target_catalog(mapping: Mapping, source: Catalog, *, where: Where = drafted) -> Catalog:
    """The target's schema: PostgreSQL names and types, tables in source order, columns in mapping order.

    Tables and columns correspond to the source's by `Mapping.table_name` and `column_name`. Raises
    MappingError, naming the line of the mapping, for whatever cannot be created or would lose data.
    """
    check.complete(mapping, source, where)
    check.references(mapping, where)
    check.distinct_names(mapping, where)
    carried = [table for table in source.tables if not mapping.tables[table.name].skip]
    pairs = [(table, _table(mapping, table, where)) for table in carried]
    check.sound_foreign_keys(pairs, where)
    views = target_views(mapping, source, where)
    return Catalog(tuple(target for _, target in pairs), facts=source.facts, notices=source.notices, views=views)


def _table(mapping: Mapping, table: Table, where: Where) -> Table:
    mapped = mapping.tables[table.name]
    kept = [table.column(name) for name, column in mapped.columns.items() if not column.skip]
    return Table(
        mapping.table_name(table.name),
        tuple(made for column in kept for made in _columns(mapping, table, column, where)),
        mapping.target.schema_name,
        _indexes(mapping, table.name),
        _foreign_keys(mapping, table.name),
        mapped.comment,
        table.rows,
        tuple(Check(check.name, check.sql, named_columns(check.sql)) for check in mapped.checks),
    )


def _columns(mapping: Mapping, table: Table, column: Column, where: Where) -> tuple[Column, ...]:
    """A source column as the target has it, and the parts that stand beside it, which may be missing."""
    mapped = mapping.tables[table.name].columns[column.name]
    name = mapping.column_name(table.name, column.name)
    beside = (Column(name + part.suffix, SqlType(part.type)) for part in mapped.parts[1:])
    return (_column(mapping, table, column, where), *beside)


def _column(mapping: Mapping, table: Table, column: Column, where: Where) -> Column:
    mapped = mapping.tables[table.name].columns[column.name]
    keys = ("tables", table.name, "columns", column.name)
    if mapped.type is None:
        hint = f"leave the column behind with `{quoted(column.name)}: {{skip: true}}`{EDIT}"
        refuse(where, keys, f"no PostgreSQL type for the source's {column.type}", hint=hint)
    type = SqlType.parse(mapped.type)
    if mapped.identity and type.name not in INTEGERS:
        refuse(where, keys, f"identity needs an integer type, not {type}")
    if mapped.rich_text and not column.rich_text:
        refuse(where, keys, "rich_text: strip asks for HTML, and the source does not say that this is any")
    if mapped.default_sql is not None and not default_fits(mapped.default_sql, type):
        refuse(where, keys, f"default_sql {mapped.default_sql} does not fit {type}")
    return Column(
        mapping.column_name(table.name, column.name),
        type,
        # PostgreSQL makes identities and key columns NOT NULL by itself.
        nullable=not (mapped.required or mapped.identity or column.name in mapping.tables[table.name].primary_key),
        identity=_identity(mapped, column),
        default=mapped.default_sql,
        comment=mapped.comment,
        generated=mapped.generated,
    )


def _identity(mapped: ColumnMapping, column: Column) -> Identity | None:
    return (column.identity or Identity()) if mapped.identity else None


def _indexes(mapping: Mapping, name: str) -> tuple[Index, ...]:
    table = mapping.tables[name]
    indexes = []
    if table.primary_key:
        key = primary_key_name(mapping.table_name(name))
        indexes.append(Index(key, _parts(mapping, name, table.primary_key), unique=True, primary=True))
    indexes += [Index(key.name, _parts(mapping, name, key.columns), unique=True) for key in table.unique]
    indexes += [
        Index(
            index.name,
            _parts(mapping, name, index.columns, index.descending),
            unique=index.unique,
            ignore_nulls=index.ignore_nulls,
            included=tuple(mapping.column_name(name, column) for column in index.include),
            predicate=index.where,
        )
        for index in table.indexes
    ]
    return tuple(indexes)


def _parts(
    mapping: Mapping, table: str, columns: tuple[str, ...], descending: tuple[str, ...] = ()
) -> tuple[IndexPart, ...]:
    return tuple(IndexPart(mapping.column_name(table, column), column in descending) for column in columns)


def _foreign_keys(mapping: Mapping, name: str) -> tuple[ForeignKey, ...]:
    return tuple(
        ForeignKey(
            key.name,
            tuple(mapping.column_name(name, column) for column in key.columns),
            mapping.table_name(key.references),
            tuple(mapping.column_name(key.references, column) for column in key.referenced_columns),
            on_update=Action(key.on_update),
            on_delete=Action(key.on_delete),
            enforced=not key.not_valid,
        )
        for key in mapping.tables[name].foreign_keys
    )
