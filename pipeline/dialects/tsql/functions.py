"""Functions of T-SQL as PostgreSQL computes them: one row each, with the reason of what is odd.

A `Form` is what one way of calling a function becomes; the first whose parameters accept the arguments holds. Where
SQL Server fails with an error it refuses the row, so NULL will do there; what may fail in PostgreSQL has no row, as one
such value would end the run. Lengths count UTF-16 units in SQL Server (but for collations with _SC) and characters
here: they differ beyond U+FFFF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

from pipeline.dialects.expressions.functions import DIFFERENCES
from pipeline.dialects.tsql.terms import Kind, Term

_MOST = 100_000  # of anything that is counted: no date or text overflows by it
_INT_DIGITS = 10

Parameter = Callable[[Term], str | None]
"""The SQL text of an argument where the form can take it; None where it cannot."""


@dataclass(frozen=True, slots=True)
class Form:
    parameters: tuple[Parameter, ...]
    sql: str
    """`{0}` is the first argument."""
    kind: Kind | None = None
    """INTEGER is an int; None: as the first argument."""


def call(function: str, terms: tuple[Term, ...]) -> Term | None:
    """The function applied to its arguments; None where no form fits."""
    for form in _FORMS.get(function, ()):
        if len(form.parameters) == len(terms):
            texts = [accept(term) for accept, term in zip(form.parameters, terms, strict=True)]
            if None not in texts:
                return _made(form, form.sql.format(*texts), terms[0])
    return None


def _made(form: Form, sql: str, first: Term) -> Term:
    if form.kind is None:
        return replace(first, sql=sql, value=None)
    if form.kind is Kind.INTEGER:
        return Term(sql, form.kind, _INT_DIGITS)
    return Term(sql, form.kind, size=first.size, collation=first.collation)


def dated(function: str, part: str, terms: tuple[Term, ...]) -> Term | None:
    """DATEPART, DATEADD or DATEDIFF by its part, a bare word; None where no form fits."""
    unit = _PARTS.get(part)
    return call(f"{function} {unit}", terms) if unit else None


def why_not(function: str) -> str:
    known = function in _FORMS or f"{function} day" in _FORMS
    return _REFUSED.get(function) or (
        f"{function}() does not translate with these arguments" if known else f"{function}() is not known"
    )


def _of(*kinds: Kind) -> Parameter:
    return lambda term: term.sql if term.kind in kinds else None


def _whole(least: int, most: int = _MOST) -> Parameter:
    """A whole number that the expression states: PostgreSQL means negative ones differently."""

    def accept(term: Term) -> str | None:
        whole = isinstance(term.value, Decimal) and term.kind is Kind.INTEGER
        return str(int(term.value)) if whole and term.value is not None and least <= int(term.value) <= most else None

    return accept


_TEXT, _ANY_TEXT, _LEFTMOST = _of(Kind.TEXT), _of(Kind.TEXT, Kind.PADDED), _of(Kind.TEXT, Kind.PADDED, Kind.FOLDED)
_INTEGER, _EXACT, _TIME = _of(Kind.INTEGER), _of(Kind.EXACT), _of(Kind.DATE, Kind.MOMENT)
_MOMENT, _DATE = _of(Kind.MOMENT), _of(Kind.DATE)

# week and weekday are not here: SET DATEFIRST decides them.
_PARTS = {
    **dict.fromkeys(("year", "yy", "yyyy"), "year"),
    **dict.fromkeys(("quarter", "qq", "q"), "quarter"),
    **dict.fromkeys(("month", "mm", "m"), "month"),
    **dict.fromkeys(("dayofyear", "dy", "y"), "doy"),
    **dict.fromkeys(("day", "dd", "d"), "day"),
    **dict.fromkeys(("hour", "hh"), "hour"),
    **dict.fromkeys(("minute", "mi", "n"), "minute"),
    **dict.fromkeys(("second", "ss", "s"), "second"),
    **dict.fromkeys(("isowk", "isoww", "iso_week"), "week"),
}
_OF_DAYS = ("year", "quarter", "month", "doy", "day", "week")
_OF_TIMES = ("hour", "minute", "second")
_ACCESS_PARTS = {"year": "yyyy", "month": "m", "day": "d", "doy": "d", "hour": "h", "minute": "n", "second": "s"}

_FORMS: dict[str, tuple[Form, ...]] = {
    # Blanks at the end do not count, in padded text or not.
    "len": (Form((_LEFTMOST,), "char_length(rtrim({0}))", Kind.INTEGER),),
    "upper": (Form((_ANY_TEXT,), 'upper({0} collate "C")', Kind.FOLDED),),
    "lower": (Form((_ANY_TEXT,), 'lower({0} collate "C")', Kind.FOLDED),),
    # Blanks alone, in both: a tab stays. PostgreSQL takes the padding away before it looks, so `ltrim` has no form.
    "ltrim": (Form((_TEXT,), "ltrim({0})"),),
    "rtrim": (Form((_ANY_TEXT,), "rtrim({0})", Kind.TEXT),),
    "trim": (Form((_ANY_TEXT,), "btrim({0})", Kind.TEXT),),
    "left": (Form((_TEXT, _whole(0)), "left({0}, {1})"),),
    "right": (Form((_TEXT, _whole(0)), "right({0}, {1})"),),
    "substring": (Form((_TEXT, _whole(1), _whole(0)), "substr({0}, {1}, {2})"),),
    # An integer's abs() can overflow: abs(-32768::smallint).
    "abs": (Form((_INTEGER,), "abs({0}::numeric)"), Form((_EXACT,), "abs({0})")),
    "floor": (Form((_INTEGER,), "{0}"), Form((_EXACT,), "floor({0})")),
    "ceiling": (Form((_INTEGER,), "{0}"), Form((_EXACT,), "ceil({0})")),
    # Halves go away from zero, in both.
    "round": (Form((_INTEGER, _whole(0)), "{0}"), Form((_EXACT, _whole(0, 38)), "round({0}, {1})")),
    **{part: (Form((_TIME,), f"extract({part} from {{0}}::timestamp)", Kind.INTEGER),)
       for part in ("year", "month", "day")},
    **{f"datepart {part}": (Form((_TIME,), f"extract({part} from {{0}}::timestamp)", Kind.INTEGER),)
       for part in _OF_DAYS},
    **{f"datepart {part}": (Form((_MOMENT,), f"floor(extract({part} from {{0}}::timestamp))", Kind.INTEGER),)
       for part in _OF_TIMES},
    # Both clamp to the end of a shorter month. What is added to a date is a date in SQL Server.
    **{f"dateadd {part}": (Form((_whole(-_MOST), _MOMENT), f"({{1}} + interval '{{0}} {unit}')", Kind.MOMENT),
                           Form((_whole(-_MOST), _DATE), f"({{1}} + interval '{{0}} {unit}')::date", Kind.DATE))
       for part, unit in (("year", "year"), ("month", "month"), ("doy", "day"), ("day", "day"))},
    **{f"dateadd {part}": (Form((_whole(-_MOST), _MOMENT), f"({{1}} + interval '{{0}} {part}')", Kind.MOMENT),)
       for part in _OF_TIMES},
    **{f"datediff {part}": (Form((_TIME, _TIME), DIFFERENCES[letter].replace("{1}", "{0}").replace("{2}", "{1}"),
                                 Kind.INTEGER),)
       for part, letter in _ACCESS_PARTS.items()},
}  # fmt: skip

_OF_THE_MOMENT = "it depends on the moment, and what PostgreSQL checks or computes has to hold at any"
_OF_THE_SESSION = "it tells who is connected, and how"
_REFUSED = {
    **dict.fromkeys(("getdate", "getutcdate", "sysdatetime", "sysutcdatetime", "sysdatetimeoffset",
                     "current_timestamp"), _OF_THE_MOMENT),
    **dict.fromkeys(("newid", "newsequentialid", "rand"), "it makes a new value each time"),
    **dict.fromkeys(("user_name", "suser_name", "suser_sname", "original_login", "host_name", "app_name", "db_name",
                     "session_context", "user_id", "suser_id", "is_member", "context_info"), _OF_THE_SESSION),
    **dict.fromkeys(("charindex", "patindex", "replace"), "how it finds text depends on the collation"),
    **dict.fromkeys(("datename", "format", "str"), "what it writes depends on the language of the session"),
    "datalength": "it counts bytes, which PostgreSQL stores differently",
}  # fmt: skip
