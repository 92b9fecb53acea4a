"""An Access expression as a small tree of values; nothing here knows how it was written or what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


class Untranslatable(ValueError):
    """Why an expression stays with Access; the message is what the user reads."""


@dataclass(frozen=True, slots=True)
class Literal:
    value: Decimal | str | bool | datetime | None


@dataclass(frozen=True, slots=True)
class ColumnName:
    name: str | None
    """None is the column that the rule belongs to: `>=0` leaves it out."""
    table: str | None = None
    """What stands before the name: `[table]![name]` or `table.name`."""


@dataclass(frozen=True, slots=True)
class Call:
    function: str
    """In lower case, as Access does not tell cases apart."""
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Prefix:
    operator: str
    operand: Node


@dataclass(frozen=True, slots=True)
class Infix:
    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class IsNull:
    operand: Node


@dataclass(frozen=True, slots=True)
class Between:
    operand: Node
    low: Node
    high: Node


@dataclass(frozen=True, slots=True)
class In:
    operand: Node
    values: tuple[Node, ...]


Node = Literal | ColumnName | Call | Prefix | Infix | IsNull | Between | In
