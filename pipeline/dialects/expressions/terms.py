"""Pieces of PostgreSQL text with what they are, and the only places where a value becomes SQL text."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum

from pipeline.catalog import SqlType
from pipeline.dialects.expressions.tree import Literal, Untranslatable
from pipeline.mapping.types import INTEGERS, family

_LONGEST_SQL = 20_000  # operands appear twice in some templates, so nesting could double it 40 times


class Kind(Enum):
    INTEGER = "a whole number"
    EXACT = "a decimal number"
    DOUBLE = "a floating point number"
    TEXT = "text"
    BOOLEAN = "a yes or no"
    TIME = "a date"
    NULL = "Null"
    OTHER = "of a type that Access does not compute with"

    @property
    def number(self) -> bool:
        return self in NUMBERS


NUMBERS = (Kind.INTEGER, Kind.EXACT, Kind.DOUBLE)


@dataclass(frozen=True, slots=True)
class Term:
    """SQL that can be an operand anywhere as it stands."""

    sql: str
    kind: Kind
    known: bool = False
    """Never NULL."""

    def __post_init__(self) -> None:
        if len(self.sql) > _LONGEST_SQL:
            raise Untranslatable("its translation is too long")


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def quoted(text: str) -> str:
    r"""A string literal. No backslash is special in it, as standard_conforming_strings is on since 9.1."""
    return "'" + text.replace("'", "''") + "'"


def number(value: Decimal) -> str:
    return f"{value.normalize():f}" if value else "0"


def literal(node: Literal) -> Term:
    match node.value:
        case None:
            return Term("null", Kind.NULL)
        case bool(value):
            return Term(str(value).lower(), Kind.BOOLEAN)
        case Decimal() as value:
            # A fraction is a Double in Access: compared, it is the column's; computed with, it is not exact.
            kind = Kind.INTEGER if value == value.to_integral_value() else Kind.DOUBLE
            sql = number(value)
            return Term(f"({sql})" if value < 0 else sql, kind)
        case datetime() as value:
            return Term(f"{quoted(value.isoformat(' '))}::timestamp", Kind.TIME)
        case str(value):
            return Term(quoted(value), Kind.TEXT, known=True)


def column(name: str, type: SqlType) -> Term:
    return Term(identifier(name), kind_of(type))


def kind_of(type: SqlType) -> Kind:
    """char pads, citext folds and timestamptz asks for a zone: Access does none of it, so they are OTHER."""
    match family(type):
        case "number" if type.name in INTEGERS:
            return Kind.INTEGER
        case "number":
            return Kind.EXACT if type.name == "numeric" else Kind.DOUBLE
        case "text" if type.name in ("text", "varchar"):
            return Kind.TEXT
        case "time" if type.name in ("date", "timestamp"):
            return Kind.TIME
        case "boolean":
            return Kind.BOOLEAN
    return Kind.OTHER
