"""Defaults of SQL Server as `mapping.defaults` knows them: a constant, or one of three functions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal

from sqlglot import exp

from pipeline.catalog import SqlType
from pipeline.dialects.expressions.terms import quoted
from pipeline.dialects.expressions.tree import Untranslatable
from pipeline.dialects.tsql.collation import Collation
from pipeline.dialects.tsql.functions import why_not
from pipeline.dialects.tsql.operators import day
from pipeline.dialects.tsql.reading import read
from pipeline.dialects.tsql.terms import Kind, Term, constant, number
from pipeline.dialects.tsql.translate import Translator
from pipeline.mapping.types import INTEGERS, family

# The clock of the server's zone. A moment with a zone would take it for UTC, and does so in SQL Server.
_CLOCKS = frozenset(("getdate", "sysdatetime", "current_timestamp"))
_FUNCTIONS = {
    **{(clock, "timestamp"): "now()" for clock in _CLOCKS},
    **{(clock, "date"): "current_date" for clock in (*_CLOCKS, "current_date")},
    **{(clock, "timestamptz"): "now()" for clock in ("sysdatetimeoffset", "sysutcdatetime", "getutcdate")},
    # Ascending numbers make better pages in SQL Server; any that is new will do as a default.
    **{(maker, "uuid"): "gen_random_uuid()" for maker in ("newid", "newsequentialid")},
}  # fmt: skip
_FIRST_DAY = datetime(1900, 1, 1)  # noqa: DTZ001 (what SQL Server counts days from, without a zone)


def default_sql(text: str, type: SqlType) -> str:
    """A default for a column of that PostgreSQL type; raises Untranslatable."""
    tree = read(text).unnest()
    function = _function(tree)
    if function is not None:
        try:
            return _FUNCTIONS[function, type.name]
        except KeyError:
            raise Untranslatable(_why_not(function, type)) from None
    term = _Constant().value(tree)
    if term.kind is Kind.BIT and type.name == "boolean":
        return term.sql
    if term.kind is Kind.NULL:
        raise Untranslatable("it is NULL, as without a default")
    fit = _FITS.get(family(type))
    made = None if term.value is None or fit is None else fit(term.value, type)
    if made is None:
        raise Untranslatable(f"no constant, GETDATE() or NEWID() that fits {type}")
    return made


def one_of(choices: tuple[str, ...], type: SqlType) -> str:
    """SQL Server has no lists of values for forms; raises Untranslatable."""
    raise Untranslatable("SQL Server knows no lists of values")


def _function(tree: exp.Expr) -> str | None:
    """The function that is called, or that a date is made of."""
    match tree:
        case exp.Anonymous() if not tree.expressions:
            return str(tree.name).lower()
        case exp.Column(this=exp.Identifier() as name) if not name.quoted and not tree.table:
            return str(name.name).lower()
        case exp.Cast() if _is_date(tree.to):
            return _day_of(_function(tree.this.unnest()))
        case exp.Convert(this=exp.DataType() as type) if _is_date(type) and not tree.args.get("safe"):
            return _day_of(_function(tree.expression.unnest()))
    return None


def _is_date(type: exp.DataType) -> bool:
    return type.this is exp.DType.DATE


def _day_of(function: str | None) -> str | None:
    return "current_date" if function in _CLOCKS else function


def _why_not(function: str, type: SqlType) -> str:
    if any(function == known for known, _ in _FUNCTIONS):
        return f"{function}() yields no value of {type} that a default of PostgreSQL can state here"
    return why_not(function)


def _number(value: Decimal | str, type: SqlType) -> str | None:
    if isinstance(value, str):
        if not value.isascii() or not value.replace(".", "", 1).removeprefix("-").isdecimal():
            return None
        value = constant(Decimal(value)).value or Decimal(0)
    assert isinstance(value, Decimal)
    if type.name in INTEGERS and value != value.to_integral_value():
        raise Untranslatable("a fraction does not fit a whole number")
    return number(value)


def _boolean(value: Decimal | str, type: SqlType) -> str | None:
    if isinstance(value, Decimal):
        return str(bool(value)).lower()
    return {"true": "true", "1": "true", "false": "false", "0": "false"}.get(value.lower())


def _text(value: Decimal | str, type: SqlType) -> str | None:
    if isinstance(value, Decimal):
        return quoted(number(value)) if value == value.to_integral_value() else None
    return quoted(value)


def _time(value: Decimal | str, type: SqlType) -> str | None:
    """A number is days since 1900 to datetime and smalldatetime, and to no other type."""
    kind = {"date": Kind.DATE, "timestamp": Kind.MOMENT}.get(type.name)
    if kind is None:
        return None
    if isinstance(value, str):
        return quoted(day(value, kind).isoformat())
    if kind is Kind.DATE or value != value.to_integral_value() or not -53_690 <= value < 2_958_464:  # 1753 to 9999
        return None
    return quoted((_FIRST_DAY + timedelta(days=int(value))).isoformat(" "))


_FITS: dict[str, Callable[[Decimal | str, SqlType], str | None]] = {
    "number": _number,
    "boolean": _boolean,
    "text": _text,
    "time": _time,
}


class _Constant(Translator):
    """An expression that names no column."""

    __slots__ = ("collation",)

    def __init__(self) -> None:
        self.collation = Collation("", folds=False)  # constants are not compared

    def _column(self, node: exp.Column) -> Term:
        raise Untranslatable(why_not(node.name.lower()))
