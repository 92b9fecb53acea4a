"""A saved query as a tree of values: what is read, which columns come out, and in what order."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.dialects.expressions.tree import Node


@dataclass(frozen=True, slots=True)
class Named:
    """A table or another query."""

    name: str
    alias: str | None


@dataclass(frozen=True, slots=True)
class Derived:
    """A query in the place of a table."""

    query: Statement
    alias: str


@dataclass(frozen=True, slots=True)
class Join:
    kind: str
    """`inner`, `left`, `right`, or `cross` for a comma."""
    left: Input
    right: Input
    on: Node | None


Input = Named | Derived | Join


@dataclass(frozen=True, slots=True)
class Star:
    """Every column of one table, or of all."""

    table: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    value: Node | Star
    alias: str | None


@dataclass(frozen=True, slots=True)
class Order:
    value: Node
    descending: bool


@dataclass(frozen=True, slots=True)
class Select:
    outputs: tuple[Output, ...]
    source: Input
    where: Node | None = None
    groups: tuple[Node, ...] = ()
    having: Node | None = None
    distinct: bool = False
    distinct_row: bool = False
    top: int | None = None


@dataclass(frozen=True, slots=True)
class Statement:
    """One select, or several of which each row (`all`) or each distinct row comes out."""

    selects: tuple[Select, ...]
    all: bool = False
    orders: tuple[Order, ...] = ()
