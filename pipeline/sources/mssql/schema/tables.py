"""Tables of a server as they are read: what the catalog's columns do not say, and a SELECT has to know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.catalog import Catalog, SqlType


@dataclass(frozen=True, slots=True)
class SqlColumn:
    name: str
    type: SqlType
    """As the type rules name it: `varchar` is varchar(max), an alias is the type that it stands for."""
    code_page: int | None
    """Of char, varchar and text, where the server tells it; 65001 is UTF-8."""
    bytes: int | None
    """The most that a value takes; None for (max), and for a type that is not declared with a length."""


@dataclass(frozen=True, slots=True)
class SqlTable:
    name: str
    """In the catalog: `orders` for dbo, `Sales.orders` otherwise."""
    schema: str
    table: str
    columns: tuple[SqlColumn, ...]
    keys: tuple[tuple[str, ...], ...]
    """Columns that are unique and never NULL: the primary key first, then the shortest."""


@dataclass(frozen=True, slots=True)
class Schema:
    catalog: Catalog
    tables: Mapping[str, SqlTable]
    """By the name in the catalog."""
