"""Pieces of PostgreSQL text with what SQL Server takes them for: its types decide what it computes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from pipeline.catalog import SqlType
from pipeline.dialects.expressions.terms import identifier, quoted
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.tsql.collation import Collation
from pipeline.mapping.types import INTEGERS

_LONGEST_SQL = 20_000  # operands appear twice in some templates, so nesting could double it 40 times
MOST_DIGITS = 38
_INT = 2**31


class Kind(Enum):
    INTEGER = "a whole number"
    EXACT = "a decimal number"
    REAL = "a real"
    DOUBLE = "a float"
    TEXT = "text"
    PADDED = "padded text"
    FOLDED = "text of one case"
    """What UPPER and LOWER yield: of letters beyond A to Z it is not known, so it can only be compared."""
    BIT = "a bit"
    CONDITION = "a condition"
    DATE = "a date"
    MOMENT = "a date with time"
    ZONED = "a date with time and offset"
    CLOCK = "a time of day"
    NULL = "NULL"
    OTHER = "of a type that is not computed with"


OPAQUE = frozenset(("hierarchyid", "geography", "geometry", "json", "sql_variant"))
"""Types of SQL Server that arrive as something else: what compares or computes with those would mean another thing."""
TEXTS = frozenset((Kind.TEXT, Kind.PADDED, Kind.FOLDED))
TIMES = frozenset((Kind.DATE, Kind.MOMENT))


@dataclass(frozen=True, slots=True)
class Term:
    """SQL that can be an operand anywhere as it stands."""

    sql: str
    kind: Kind
    digits: int = 0
    """Of a number, at most. Where SQL Server takes a smaller type (tinyint, a constant), it has fewer."""
    scale: int = 0
    """Digits after the point, of a second for a moment."""
    size: int | None = None
    """Of a text, at most in characters; None: any."""
    money: bool = False
    """It may be of a money type: here that looks like a decimal of its digits."""
    value: Decimal | str | None = None
    """The constant that it is."""
    collation: Collation | None = None
    """Of the columns that a text is made of; None: of constants, which are compared by that of the other side."""

    def __post_init__(self) -> None:
        if len(self.sql) > _LONGEST_SQL:
            raise Untranslatable("its translation is too long")


_DIGITS = {"smallint": 5, "integer": 10, "bigint": 19}
_KINDS = {
    "real": Kind.REAL,
    "double precision": Kind.DOUBLE,
    "boolean": Kind.BIT,
    "date": Kind.DATE,
    "timestamptz": Kind.ZONED,
    "time": Kind.CLOCK,
    "text": Kind.TEXT,
}


def column(name: str, type: SqlType, collation: Collation | None = None) -> Term:
    """`collation` counts where it is of a text."""
    return replace(_column(identifier(name), type), collation=collation)


def _column(sql: str, type: SqlType) -> Term:
    match type.name, type.args:
        case whole, _ if whole in INTEGERS:
            return Term(sql, Kind.INTEGER, digits=_DIGITS[whole])
        case "numeric", (digits, scale):
            return Term(sql, Kind.EXACT, digits, scale, money=(digits, scale) in ((19, 4), (10, 4)))
        case "timestamp", args:
            return Term(sql, Kind.MOMENT, scale=args[0] if args else 6)
        case ("varchar" | "char") as name, (size,):
            return Term(sql, Kind.TEXT if name == "varchar" else Kind.PADDED, size=size)
    return Term(sql, _KINDS.get(type.name, Kind.OTHER))


def text(value: str) -> Term:
    return Term(quoted(value), Kind.TEXT, size=len(value), value=value)


def number(value: Decimal) -> str:
    """All of its digits: what computes with a Decimal may round it to 28."""
    return f"{value:f}" if value else "0"


def constant(value: Decimal) -> Term:
    """A number that T-SQL spells without exponent: an int, or a decimal of just its digits."""
    sign, digits, exponent = value.as_tuple()
    assert isinstance(exponent, int)
    count = max(len("".join(map(str, digits)).lstrip("0")), -exponent, 1)
    if count > MOST_DIGITS:
        raise Untranslatable(f"a number of more than {MOST_DIGITS} digits")
    sql = number(value)
    whole = exponent >= 0 and -_INT <= value < _INT
    return Term(f"({sql})" if sign and value else sql, Kind.INTEGER if whole else Kind.EXACT, count, max(0, -exponent),
                value=value)  # fmt: skip


def sized(one: Term, other: Term) -> int | None:
    """Characters that either of two texts may have."""
    return None if one.size is None or other.size is None else max(one.size, other.size)


def collated(*terms: Term) -> Collation | None:
    """What the columns among some texts are compared by; a constant takes that of a column."""
    found = {term.collation.name: term.collation for term in terms if term.kind in TEXTS and term.collation}
    if len(found) > 1:
        raise Untranslatable(f"it brings texts of two collations together: {' and '.join(found)}")
    return next(iter(found.values()), None)
