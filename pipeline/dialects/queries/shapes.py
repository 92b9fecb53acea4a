"""What tables and queries offer to the queries that read them."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

from pipeline.catalog import Catalog, Table
from pipeline.dialects.expressions.terms import Kind, kind_of
from pipeline.mapping.models import Mapping
from pipeline.mapping.types import parse_type

Spelling = tuple[str, str]
"""Table and column of the key that fixes how a text is written."""


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    """The source's, whose case does not count."""
    target: str
    kind: Kind
    spelling: Spelling | None = None
    """To Access `ABC` and `abc` are one text, so a key column holds each in one spelling. Where two columns have
    theirs from the same key, by relationships that PostgreSQL enforces, they are equal there when they are here."""
    nested: bool = False
    """It holds the number of rows elsewhere, where Access shows these: files, several values or a history."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A table or view with its columns, and the sets of them, by source name, that tell its rows apart."""

    name: str
    target: str
    fields: tuple[Field, ...]
    keys: tuple[frozenset[str], ...] = ()


def table_shapes(catalog: Catalog, mapping: Mapping) -> dict[str, Shape]:
    """The tables that the mapping carries, by folded source name."""
    carried = [table for table in catalog.tables if not mapping.tables[table.name].skip]
    spellings = spellings_of(carried, mapping)
    return {table.name.casefold(): _shape(table, mapping, spellings) for table in carried}


def _shape(table: Table, mapping: Mapping, spellings: Map[Spelling, Spelling]) -> Shape:
    nested = {column.name for column in table.columns if column.type.name == "Complex"}
    fields = tuple(
        Field(
            name,
            mapping.column_name(table.name, name),
            kind_of(parse_type(column.type)),
            spellings.get((table.name, name)),
            name in nested,
        )
        for name, column in mapping.tables[table.name].columns.items()
        if not column.skip and column.type is not None
    )
    required = {column.name for column in table.columns if not column.nullable} | {*table.primary_key}
    keys = tuple(frozenset(i.columns) for i in table.indexes if i.tells_apart and {*i.columns} <= required)
    return Shape(table.name, mapping.table_name(table.name), fields, keys)


def spellings_of(tables: list[Table], mapping: Mapping) -> dict[Spelling, Spelling]:
    """For each column that is a key by itself, or refers to one: the key at the end of that way."""
    keys = {(t.name, i.columns[0]) for t in tables for i in t.indexes if i.tells_apart and len(i.parts) == 1}
    parents = {
        (table.name, key.columns[0]): (key.references, key.referenced_columns[0])
        for table in tables
        for key in mapping.tables[table.name].foreign_keys
        if len(key.columns) == 1 and not key.not_valid and (key.references, key.referenced_columns[0]) in keys
    }
    found = {}
    for column in {*keys, *parents}:
        way = [column]
        while (parent := parents.get(way[-1])) and parent not in way:
            way.append(parent)
        found[column] = min(way[way.index(parent) :]) if parent else way[-1]
    return found
