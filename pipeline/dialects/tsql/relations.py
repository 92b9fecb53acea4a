"""What tables and views offer to the views that read them."""

from __future__ import annotations

from collections.abc import Mapping as Map
from dataclasses import dataclass

from pipeline.catalog import Catalog, SqlType, Table
from pipeline.dialects.queries.shapes import Spelling, spellings_of
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.terms import OPAQUE, Term, column
from pipeline.mapping.models import Mapping
from pipeline.mapping.types import parse_type


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    """The source's, whose case does not count."""
    target: str
    term: Term
    """The column by itself."""
    spelling: Spelling | None = None


@dataclass(frozen=True, slots=True)
class Relation:
    """A table or view with its columns, and the sets of them, by source name, that tell its rows apart."""

    target: str
    fields: tuple[Field, ...]
    schema: str | None = None
    keys: tuple[frozenset[str], ...] = ()


def relations(catalog: Catalog, mapping: Mapping, collation: Collation) -> dict[str, Relation]:
    """The tables that the mapping carries, by folded source name, in a database of that collation."""
    carried = [table for table in catalog.tables if not mapping.tables[table.name].skip]
    spellings = spellings_of(carried, mapping)
    return {table.name.casefold(): _relation(table, mapping, spellings, collation) for table in carried}


def _relation(table: Table, mapping: Mapping, spellings: Map[Spelling, Spelling], collation: Collation) -> Relation:
    fields = []
    for name, mapped in mapping.tables[table.name].columns.items():
        if not mapped.skip and mapped.type is not None:
            target = mapping.column_name(table.name, name)
            own, opaque = table.column(name).collation, table.column(name).type.name in OPAQUE
            type = SqlType("bytea") if opaque else parse_type(mapped.type)
            term = column(target, type, Collation.named(own) if own else collation)
            fields.append(Field(name, target, term, spellings.get((table.name, name))))
    required = {column.name for column in table.columns if not column.nullable} | {*table.primary_key}
    unique = [frozenset(index.columns) for index in table.indexes if index.tells_apart]
    keys = tuple(columns for columns in unique if columns <= required)
    return Relation(mapping.table_name(table.name), tuple(fields), table.schema, keys)
