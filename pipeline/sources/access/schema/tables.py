"""A table of an Access file as the catalog has it, from its definition and properties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.catalog import Action, Column, ForeignKey, Index, IndexPart, Notice, SqlType, Table
from pipeline.sources.access.cells.columns import MEMO, type_of
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.schema.complex import ComplexColumn
from pipeline.sources.access.schema.properties import NO_PROPERTIES, Properties
from pipeline.sources.access.schema.rules import checks, comment, identify, readable_choices, text

_HTML = 1
"""TextFormat of a Memo that holds rich text."""


def table_of(table: TableDefinition, properties: Properties, *, wide: bool) -> Table:
    """A table as the catalog has it, before relationships; `wide` where the file holds Unicode."""
    required = {name for index in table.indexes if index.primary or index.required for name, _ in index.parts}
    indexes = tuple(
        Index(
            index.name,
            tuple(IndexPart(name, descending) for name, descending in index.parts),
            unique=index.unique or index.primary,
            primary=index.primary,
            ignore_nulls=index.ignore_nulls,
        )
        for index in table.indexes
    )
    columns = tuple(_column(table, column, properties, wide, column.name in required) for column in table.columns)
    return Table(
        table.name,
        columns,
        indexes=indexes,
        comment=text(properties.table.get("Description")),
        rows=table.rows,
        checks=tuple(checks(table, properties, wide=wide)),
    )


def _column(
    table: TableDefinition, column: ColumnDefinition, properties: Properties, wide: bool, indexed: bool
) -> Column:
    type = type_of(column, wide=wide)
    own = properties.columns.get(column.name, {})
    default = text(own.get("DefaultValue"))
    identity = None
    if column.autonumber and type.name == "Long":
        identity = identify(table.last_autonumber, default)
        default = None
    if type.name == "Complex":
        identity = identify(table.last_complex_number, default)
    if column.auto_guid and type.name == "GUID":
        default = default or "GenGUID()"
    never_null = type.name == "YesNo" and not column.calculated
    return Column(
        column.name,
        type,
        nullable=not (indexed or own.get("Required") is True or never_null),
        identity=identity,
        default=default,
        comment=comment(own),
        choices=() if type.name == "Complex" else readable_choices(own),
        calculated=text(own.get("Expression")) if column.calculated else None,
        rich_text=column.type == MEMO and own.get("TextFormat") == _HTML,
    )


def with_keys(table: Table, complex_columns: tuple[ComplexColumn, ...]) -> Table:
    """The table with the numbers in its complex columns as keys, which they are, for the values to refer to."""
    keyed = {one.column: f"number of its rows in {one.values.name}" for one in complex_columns}
    columns = tuple(_explained(column, keyed.get(column.name)) for column in table.columns)
    unique = {index.columns for index in table.indexes if index.unique}
    keys = (Index(name, (IndexPart(name),), unique=True) for name in keyed if (name,) not in unique)
    return replace(table, columns=columns, indexes=(*table.indexes, *keys))


def _explained(column: Column, comment: str | None) -> Column:
    """Where the values of a complex column are not found, its number alone would pass for them: no type says so."""
    if comment is not None:
        return replace(column, comment=column.comment or comment)
    return replace(column, type=SqlType("Unknown complex")) if column.type.name == "Complex" else column


def values_table(parent: Table, complex_column: ComplexColumn, properties: Properties, *, wide: bool) -> Table:
    """The values of a complex column as a table of their own, which go with their row."""
    table = table_of(complex_column.values, NO_PROPERTIES, wide=wide)
    choices = readable_choices(properties.columns.get(complex_column.column, {}))
    columns = tuple(replace(one, choices=choices) if one.name == "Value" else one for one in table.columns)
    own, numbers = (complex_column.key,), (complex_column.column,)
    key = ForeignKey(table.name, own, parent.name, numbers, on_delete=Action.CASCADE)
    said = f"values of {complex_column.column} in {parent.name}"
    return replace(table, columns=columns, foreign_keys=(key,), comment=said)


_NOT_READ = {
    "Calculated": "what this calculated column yields is not known, so its values are not read",
    "Unknown complex": "the file does not say where its attachments, multiple values or versions are",
}


def table_notices(table: Table) -> Iterator[Notice]:
    for column in table.columns:
        if column.type.name in _NOT_READ or column.type.name.startswith("Unknown"):
            yield Notice(table.name, column.name, _not_read(column.type))


def _not_read(type: SqlType) -> str:
    return _NOT_READ.get(type.name, f"type {type} is not known, so its values are not read")
