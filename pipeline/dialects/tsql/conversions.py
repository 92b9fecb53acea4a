"""CAST and CONVERT of T-SQL: what a value becomes in another type, where PostgreSQL makes the same of it.

float and real are not here: sqlglot reads both as one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from sqlglot import exp

from pipeline.dialects.expressions.terms import quoted
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.tsql.operators import day
from pipeline.dialects.tsql.terms import MOST_DIGITS, Kind, Term

_SIZE = 30  # of a text whose length CONVERT leaves out
_DECIMAL = (18, 0)
_MONEY = {"MONEY": (19, 4), "SMALLMONEY": (10, 4)}
_DIGITS = {"INT": 10, "BIGINT": 19, "SMALLINT": 5}
_DAYS = frozenset((23, 112, 120, 121, 126))
"""Styles in which a constant may be written as the day that it is."""


def converted(term: Term, type: exp.DataType, style: Decimal | None) -> Term:
    """The term as a type of SQL Server; raises Untranslatable."""
    name = type.this.name if isinstance(type.this, exp.DType) else str(type.this)
    convert = _CONVERT.get(name)
    made = convert(term, name, _arguments(type), style) if convert else None
    if made is None:
        raise Untranslatable(f"CONVERT of {term.kind.value} to {name.lower()} does not translate")
    return made


def _arguments(type: exp.DataType) -> tuple[int | None, ...]:
    """None is `max`."""
    words = [parameter.name for parameter in type.expressions]
    if not all(word.lower() == "max" or word.isdecimal() for word in words):
        raise Untranslatable("a type whose arguments are not numbers")
    return tuple(int(word) if word.isdecimal() else None for word in words)


Arguments = tuple[int | None, ...]


def _to_integer(term: Term, name: str, args: Arguments, style: Decimal | None) -> Term | None:
    """What does not fit is an error in SQL Server; here it simply stays what it is. Decimals are cut, not rounded."""
    if term.kind is Kind.INTEGER:
        return replace(term, digits=_DIGITS[name])
    return Term(f"trunc({term.sql})", Kind.INTEGER, _DIGITS[name]) if term.kind is Kind.EXACT else None


def _to_decimal(term: Term, name: str, args: Arguments, style: Decimal | None) -> Term | None:
    """Fewer decimals are rounded, halves away from zero; money as well."""
    digits, scale = _MONEY.get(name) or ((*args, 0)[:2] if args else _DECIMAL)
    if term.kind not in (Kind.INTEGER, Kind.EXACT) or digits is None or scale is None or digits > MOST_DIGITS:
        return None
    sql = term.sql if term.scale <= scale else f"round({term.sql}, {scale})"
    whole = term.kind is Kind.INTEGER and term.value is None
    return Term(f"{sql}::numeric" if whole else sql, Kind.EXACT, digits, scale, money=name in _MONEY)


def _to_text(term: Term, name: str, args: Arguments, style: Decimal | None) -> Term | None:
    """A number that does not fit becomes `*`. A text is cut, by bytes and to the code page where it is no nvarchar."""
    size = args[0] if args else _SIZE
    if term.kind is Kind.INTEGER and (size is None or size > term.digits) and style in (None, 0):
        return Term(f"{term.sql}::text", Kind.TEXT, size=size)
    ascii = isinstance(term.value, str) and term.value.isascii()
    if term.kind is Kind.TEXT and style is None and (ascii or name == "NVARCHAR"):
        fits = size is None or (term.size is not None and term.size <= size)
        cut = term if fits else replace(term, sql=f"left({term.sql}, {size})", value=None)
        return replace(cut, size=size)
    return None


def _to_bit(term: Term, name: str, args: Arguments, style: Decimal | None) -> Term | None:
    if isinstance(term.value, Decimal):
        return Term(str(bool(term.value)).lower(), Kind.BIT)
    if term.kind in (Kind.INTEGER, Kind.EXACT):
        return Term(f"({term.sql} <> 0)", Kind.BIT)
    return term if term.kind is Kind.BIT else None


def _to_day(term: Term, name: str, args: Arguments, style: Decimal | None) -> Term | None:
    """A style says in which order a text has its parts: these begin with the year."""
    kind = Kind.DATE if name == "DATE" or style in _DAYS else Kind.MOMENT
    cast = "date" if name == "DATE" else "timestamp"
    if isinstance(term.value, str) and (style is None or style in _DAYS):
        scale = {"DATETIME": 3, "SMALLDATETIME": 0, "DATE": 0}.get(name, (*args, 7)[0]) or 0
        made = f"{quoted(day(term.value, kind).isoformat())}::{cast}"
        return Term(made, Kind.DATE if name == "DATE" else Kind.MOMENT, scale=scale)
    if term.kind is Kind.DATE or (term.kind is Kind.MOMENT and name == "DATE"):
        return Term(f"{term.sql}::{cast}", Kind.DATE if name == "DATE" else Kind.MOMENT)
    return None


_CONVERT: dict[str, Callable[[Term, str, Arguments, Decimal | None], Term | None]] = {
    **dict.fromkeys(_DIGITS, _to_integer),
    **dict.fromkeys(("DECIMAL", *_MONEY), _to_decimal),
    **dict.fromkeys(("VARCHAR", "NVARCHAR"), _to_text),
    "BIT": _to_bit,
    **dict.fromkeys(("DATE", "DATETIME", "DATETIME2", "SMALLDATETIME"), _to_day),
}
