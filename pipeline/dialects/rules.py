"""What a dialect is: a source's types and default expressions, as knowledge without code paths."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import polars as pl

from pipeline.catalog import Catalog, Notice, SqlType
from pipeline.mapping import models
from pipeline.mapping.models import ViewMapping
from pipeline.mapping.types import parse_type

_STRUCTS = {"Struct(ticks, offset)": pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})}
"""A moment in ticks of 100 ns since 0001-01-01 in UTC, and the minutes that the time it was written in is ahead."""


@dataclass(frozen=True, slots=True)
class TypeRule:
    """How one source type arrives. `{0}` and `{1}` stand for the source type's arguments."""

    source: str
    """`Text(n)` matches a type with arguments that are not zero, `Text` any of that name, `time(7)` just that."""
    frame: str
    """The Polars dtype that a reader delivers it in."""
    postgres: str
    why: str
    converter: str | None = None
    """The transform step that the default mapping implies, where a plain cast is not enough."""
    notice: str | None = None
    """What the user should know of each such column."""
    opaque: bool = False
    """Whether it arrives as something else, which the source's expressions do not mean."""
    nests: bool = False
    """A number that leads to rows of another table: a mapping may ask for these in its place, as jsonb or an array."""

    def matches(self, type: SqlType) -> bool:
        name, parenthesis, args = self.source.partition("(")
        exact = args.rstrip(")").isdigit()
        return str(type) == self.source if exact else type.name == name and (not parenthesis or any(type.args))

    def postgres_for(self, type: SqlType) -> str:
        return self.postgres.format(*type.args)

    def computed_as(self, type: SqlType) -> SqlType:
        """The PostgreSQL type that expressions take it for; nothing computes with bytea."""
        return SqlType("bytea") if self.opaque else parse_type(self.postgres_for(type))

    def converter_for(self, arrives: SqlType) -> str | None:
        """The converter on the way to a PostgreSQL type: bytes that stay bytes need none."""
        return None if self.frame == "Binary" and arrives.name == "bytea" else self.converter

    def dtype_for(self, type: SqlType) -> pl.DataType:
        """The dtype that `frame` names for a source type."""
        if struct := _STRUCTS.get(self.frame):
            return struct
        name, _, args = self.frame.format(*type.args).rstrip(")").partition("(")
        make = getattr(pl, name)
        dtype: pl.DataType = make(*(int(arg) if arg.isdigit() else arg for arg in args.split(",") if arg))
        return dtype


@dataclass(frozen=True, slots=True)
class Columns:
    """What an expression may know of the columns of its table, by source name."""

    names: Mapping[str, str]
    """Of all, as the target has them."""
    types: Mapping[str, SqlType]
    """PostgreSQL types of those that are carried."""
    collations: Mapping[str, str] = field(default_factory=dict)
    """Of those that the source compares otherwise than by the database's."""


@dataclass(frozen=True, slots=True)
class DraftedViews:
    """What becomes of the saved queries of a source."""

    views: Mapping[str, ViewMapping]
    notices: tuple[Notice, ...]
    """Where a view may differ from its query; the query stands in the place of the table."""
    left: tuple[Notice, ...]
    """Each query that becomes no view, and why."""


@dataclass(frozen=True, slots=True)
class Dialect:
    name: str
    rules: tuple[TypeRule, ...]
    """The first that matches holds."""
    default: Callable[[str, SqlType], str]
    """A source default in PostgreSQL's words for a column of that PostgreSQL type; ValueError says why not."""
    check: Callable[[str, str | None, Columns], str]
    """A validation rule as a condition, by its column, over those of the table; ValueError says why not."""
    generated: Callable[[str, SqlType, Columns], str]
    """A calculated column's expression for a column of that PostgreSQL type; ValueError says why not."""
    one_of: Callable[[tuple[str, ...], SqlType], str]
    """A validation rule for a column of that source type to be one of these values; ValueError says why not."""
    views: Callable[[Catalog, models.Mapping, Collection[str]], DraftedViews]
    """The saved queries over the tables of a mapping, under names that are not taken."""
    one_null: bool = False
    """Whether NULL equals NULL in a unique index, as it does not in PostgreSQL."""

    def rule(self, type: SqlType) -> TypeRule | None:
        """The rule of a source type; None where there is none, which stops the plan."""
        return next((rule for rule in self.rules if rule.matches(type)), None)
