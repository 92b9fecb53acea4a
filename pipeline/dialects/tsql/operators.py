"""Operators of T-SQL as PostgreSQL computes them; Untranslatable where the two would differ, or PostgreSQL fail.

Numbers are computed in numeric, which has room for every result: where SQL Server overflows, no row can have the
value. Digits and scale are followed by its rules, as it rounds what has more than 38.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NoReturn

from pipeline.dialects.expressions.terms import quoted
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.terms import MOST_DIGITS, TEXTS, TIMES, Kind, Term, collated

_EXACT = frozenset((Kind.INTEGER, Kind.EXACT))
_FEWEST_DECIMALS = 6  # of a product whose digits do not fit
_MOST_FACTORS = 7  # of 38 digits: their product has a place in double precision, with which it may be compared
_MILLISECOND = 3  # digits that datetime shows: it counts in 1/300 s


def compared(operator: str, a: Term, b: Term, collation: Collation) -> Term:
    """`=`, `<>`, `<`, `<=`, `>` or `>=` of two terms; texts that no column brings go by `collation`."""
    if a.value is not None and b.value is None:
        return compared(_TURNED.get(operator, operator), b, a, collation)
    left, right = _operands(operator, a, b, collation)
    return Term(f"({left} {operator} {right})", Kind.CONDITION)


_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _operands(operator: str, a: Term, b: Term, collation: Collation) -> tuple[str, str]:
    if a.kind in TEXTS and b.kind in TEXTS:
        if operator not in ("=", "<>"):
            raise Untranslatable("which of two texts comes first depends on the collation")
        if not isinstance(b.value, str):
            raise Untranslatable("how SQL Server compares two columns of text depends on the collation")
        rules = collated(a, b) or collation
        return rules.comparable(a.sql), rules.literal(b.value)
    if a.kind in TIMES and isinstance(b.value, str):
        return a.sql, quoted(day(b.value, a.kind).isoformat()) + ("::date" if a.kind is Kind.DATE else "::timestamp")
    if a.kind in TIMES and b.kind in TIMES:
        return _times(a, b)
    if a.kind is b.kind and a.kind in (Kind.ZONED, Kind.CLOCK):
        return a.sql, b.sql
    if a.kind is Kind.BIT:
        return a.sql, _bit(operator, b)
    return _numbers(a, b)


def _times(a: Term, b: Term) -> tuple[str, str]:
    if a.kind is b.kind and a.scale != b.scale and _MILLISECOND in (a.scale, b.scale) and max(a.scale, b.scale) > 3:
        raise Untranslatable("whether a datetime equals a datetime2 depends on the compatibility level")
    return a.sql, b.sql


def _bit(operator: str, b: Term) -> str:
    if operator in ("=", "<>") and b.kind is Kind.BIT:
        return b.sql
    if operator not in ("=", "<>") or b.value not in (0, 1) or not isinstance(b.value, Decimal):
        raise Untranslatable("it computes with a bit as a number")
    return str(bool(b.value)).lower()


def _numbers(a: Term, b: Term) -> tuple[str, str]:
    kinds = {a.kind, b.kind}
    if not kinds <= _EXACT | {Kind.REAL, Kind.DOUBLE}:
        raise Untranslatable(f"it compares {a.kind.value} with {b.kind.value}")
    if Kind.REAL in kinds and len(kinds) > 1:
        if a.kind is not Kind.REAL or not isinstance(b.value, Decimal) or not _fits_real(b.value):
            raise Untranslatable(f"SQL Server rounds {b.kind.value} to a real before it compares")
    elif kinds <= _EXACT and max(a.digits - a.scale, b.digits - b.scale) + max(a.scale, b.scale) > MOST_DIGITS:
        raise Untranslatable(f"the common type of its numbers has more than {MOST_DIGITS} digits")
    return a.sql, b.sql


def _fits_real(value: Decimal) -> bool:
    try:
        return Decimal(struct.unpack("f", struct.pack("f", value))[0]) == value
    except OverflowError:
        return False


def day(text: str, kind: Kind) -> date:
    """A day as T-SQL writes it whatever the language of the session is; raises Untranslatable."""
    spelled = len(text) == 10 and text[4] == text[7] == "-"
    try:
        if not text.isascii() or not (spelled or (len(text) == 8 and text.isdigit())):
            raise ValueError
        found = date.fromisoformat(text)
    except ValueError:
        raise Untranslatable(f"{text[:40]!r} is no day as yyyymmdd") from None
    if spelled and kind is Kind.MOMENT and found.day != found.month:
        raise Untranslatable(f"which is the month of {text!r} depends on the language of the session")
    return found


def negative(term: Term) -> Term:
    if term.kind not in _EXACT:
        _refuse("-", term)
    return replace(
        term, sql=f"(- {term.sql}::numeric)", value=None if term.value is None else _number(term).copy_negate()
    )


def _number(term: Term) -> Decimal:
    assert isinstance(term.value, Decimal)
    return term.value


def arithmetic(operator: str, a: Term, b: Term) -> Term:
    """`+`, `-`, `*`, `/` or `%`; `+` joins texts."""
    if operator == "+" and Kind.TEXT in (a.kind, b.kind):
        return _joined(a, b)
    if not {a.kind, b.kind} <= _EXACT:
        _refuse(operator, a, b)
    return _ARITHMETIC[operator](operator, a, b)


def _joined(a: Term, b: Term) -> Term:
    """NULL for NULL, in both."""
    if a.kind is not Kind.TEXT or b.kind is not Kind.TEXT:
        _refuse("+", a, b)
    size = None if a.size is None or b.size is None else a.size + b.size
    if size is not None and size > 4000:
        raise Untranslatable("SQL Server cuts what it joins at 8000 bytes")
    return Term(f"({a.sql} || {b.sql})", Kind.TEXT, size=size, collation=collated(a, b))


def _sum(operator: str, a: Term, b: Term) -> Term:
    sql = f"({a.sql}::numeric {operator} {b.sql})"
    if a.kind is b.kind is Kind.INTEGER:
        return Term(sql, Kind.INTEGER, max(a.digits, b.digits))  # the wider of the two
    scale = max(a.scale, b.scale)
    digits = max(a.digits - a.scale, b.digits - b.scale) + scale + 1
    if digits > MOST_DIGITS:
        raise Untranslatable(f"a sum of more than {MOST_DIGITS} digits")
    return Term(sql, Kind.EXACT, digits, scale, money=_money(a, b))


def _product(operator: str, a: Term, b: Term) -> Term:
    if a.money and b.money:
        raise Untranslatable("the product of two of money is rounded to 4 digits, and that of two decimals is not")
    sql = f"({a.sql}::numeric * {b.sql})"
    if sql.count(" * ") > _MOST_FACTORS:
        raise Untranslatable(f"it multiplies more than {_MOST_FACTORS} numbers")
    if a.kind is b.kind is Kind.INTEGER:
        return Term(sql, Kind.INTEGER, max(a.digits, b.digits))
    scale, digits = a.scale + b.scale, a.digits + b.digits + 1
    kept = scale if digits <= MOST_DIGITS else min(scale, max(MOST_DIGITS - (digits - scale), _FEWEST_DECIMALS))
    if kept < scale and Kind.INTEGER in (a.kind, b.kind):
        raise Untranslatable("how many digits SQL Server keeps of its product depends on the size of a whole number")
    money = _money(a, b)
    return Term(sql if kept == scale else f"round({sql}, {kept})", Kind.EXACT, min(digits, MOST_DIGITS), kept,
                money=money)  # fmt: skip


def _money(a: Term, b: Term) -> bool:
    """Of two numbers the result is of money where one is, and the other of it or whole."""
    return all(term.money or term.kind is Kind.INTEGER for term in (a, b)) and (a.money or b.money)


def _whole(operator: str, a: Term, b: Term) -> Term:
    """Both cut towards zero, and the remainder has the sign of the dividend."""
    if not a.kind is b.kind is Kind.INTEGER:
        raise Untranslatable(f"how many digits SQL Server keeps of {operator} depends on its types")
    if not isinstance(b.value, Decimal) or not b.value:
        raise Untranslatable(f"{operator} may divide by zero, which ends the run where SQL Server refuses the row")
    function = "div" if operator == "/" else "mod"
    return Term(f"{function}({a.sql}::numeric, {b.sql}::numeric)", Kind.INTEGER, max(a.digits, b.digits))


_ARITHMETIC: dict[str, Callable[[str, Term, Term], Term]] = {
    "+": _sum,
    "-": _sum,
    "*": _product,
    "/": _whole,
    "%": _whole,
}


def _refuse(operator: str, *terms: Term) -> NoReturn:
    raise Untranslatable(f"{operator} of {' and '.join(term.kind.value for term in terms)} is not exact in PostgreSQL")
