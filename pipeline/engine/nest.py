"""Columns that a mapping fills with rows of another table: which they are, decided before anything is read."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalog import Catalog, Column, ForeignKey, Index, SqlType, Table
from pipeline.dialects.rules import Dialect, TypeRule
from pipeline.errors import MappingError
from pipeline.mapping.models import ColumnMapping, Mapping
from pipeline.mapping.names import fold
from pipeline.transform.chain import Route, steps_of
from pipeline.transform.nest import Field, Nest

_NOT_OF_LISTS = ("default", "trim", "empty_to_null", "encoding", "values", "round")


def nests(rule: TypeRule, type: SqlType) -> bool:
    """Whether a column of that rule, carried as that PostgreSQL type, holds the rows themselves."""
    return rule.nests and (type.name in ("json", "jsonb") or type.element is not None)


def make_nest(
    source: Catalog, table: Table, column: Column, target: Table, arrives: Column, mapping: Mapping, dialect: Dialect
) -> Nest:
    """The rows that belong to a column's numbers as one value each; raises MappingError where that cannot be."""
    where = f"table {table.name}, column {column.name}"
    mapped = mapping.tables[table.name]
    _check_alone(where, mapped.columns[column.name], target, arrives)
    if any(condition.column == column.name for condition in mapped.filter):
        raise MappingError(f"{where}: the filter is about its number, which {arrives.type} does not keep")
    inner, key = _inner(source, table, column, where)
    (number,) = key.columns
    columns = [one for one in inner.columns if one.name not in (number, *inner.primary_key)]
    element = arrives.type.element
    if element and len(columns) > 1:
        values = ", ".join(one.name for one in columns)
        raise MappingError(f"{where}: {arrives.type} holds one value, and its rows have {values}", hint="type: jsonb")
    fields = tuple(_fields(inner, columns, element, mapping, dialect))
    return Nest(inner.name, number, inner.primary_key, fields, array=element is not None)


def _check_alone(where: str, mapped: ColumnMapping, target: Table, arrives: Column) -> None:
    """No step of the mapping would mean the values within, and no key would mean what the number did."""
    for name in _NOT_OF_LISTS:
        if getattr(mapped, name) not in (None, False):
            raise MappingError(f"{where}: `{name}` does not reach into {arrives.type}", hint=f"take out `{name}`")
    keys: list[Index | ForeignKey] = [*target.indexes, *target.foreign_keys]
    for key in keys:
        if arrives.name in key.columns or (isinstance(key, Index) and arrives.name in key.included):
            text = f"{where}: {key.name} is about its number, which {arrives.type} does not keep"
            raise MappingError(text, hint="take that key out of the mapping, or carry the column as integer")


def _inner(source: Catalog, table: Table, column: Column, where: str) -> tuple[Table, ForeignKey]:
    for inner in source.tables:
        for key in inner.foreign_keys:
            if (key.parent, key.parent_columns) == (table.name, (column.name,)):
                return inner, key
    raise MappingError(f"{where}: the source has no rows for its numbers", hint="give it `type: integer`")


def _fields(
    inner: Table, columns: list[Column], element: SqlType | None, mapping: Mapping, dialect: Dialect
) -> Iterator[Field]:
    labels = [fold(column.name, mapping.naming) for column in columns]
    if len({*labels}) < len(labels):
        labels = [column.name for column in columns]
    for column, label in zip(columns, labels, strict=True):
        rule = dialect.rule(column.type)
        if rule is None:
            raise MappingError(f"table {inner.name}, column {column.name}: {column.type} is not read, and is nested")
        type = element or SqlType.parse(rule.postgres_for(column.type))
        arrives = Column(column.name, type)
        route = Route(column, arrives, ColumnMapping(), rule.dtype_for(column.type), rule.converter)
        yield Field(column.name, label, type, steps_of(inner.name, route, arrives))
