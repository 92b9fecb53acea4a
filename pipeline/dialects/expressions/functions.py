"""Functions of Access as PostgreSQL computes them: one row each, with the reason of what is odd.

A `Form` is what one way of calling a function becomes; the first whose parameters accept the arguments holds. Where
Access fails with an error it refuses the row, so NULL will do there; what may fail in PostgreSQL has no row, as one
such value would end the run. Lengths count UTF-16 units in Access and characters here: they differ beyond U+FFFF.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from pipeline.dialects.expressions.terms import NUMBERS, Kind, Term
from pipeline.dialects.expressions.tree import Literal, Node

_MOST = 100_000  # of anything that is counted: no date or text overflows by it

Parameter = Callable[[Node, Term], str | None]
"""The SQL text of an argument where the form can take it; None where it cannot."""


@dataclass(frozen=True, slots=True)
class Form:
    parameters: tuple[Parameter, ...]
    sql: str
    """`{0}` is the first argument."""
    kind: Kind | None
    """None: that of the first argument."""


def call(function: str, nodes: tuple[Node, ...], terms: tuple[Term, ...]) -> Term | None:
    """The function applied to its arguments; None where no form fits."""
    for form in _FORMS.get(function, ()):
        if len(form.parameters) == len(terms):
            texts = [accept(node, term) for accept, node, term in zip(form.parameters, nodes, terms, strict=True)]
            if None not in texts:
                return Term(form.sql.format(*texts), form.kind or terms[0].kind)
    return None


def why_not(function: str) -> str:
    return _REFUSED.get(function) or (
        f"{function}() does not translate with these arguments" if function in _FORMS else f"{function}() is not known"
    )


def _of(*kinds: Kind) -> Parameter:
    return lambda node, term: term.sql if term.kind in kinds else None


def _count(node: Node, term: Term) -> str | None:
    """A whole number that the rule states, not negative: substr() and left() mean others differently."""
    whole = isinstance(node, Literal) and isinstance(node.value, Decimal) and term.kind is Kind.INTEGER
    return term.sql if whole and 0 <= int(term.sql.strip("()")) <= _MOST else None


def _position(node: Node, term: Term) -> str | None:
    return _count(node, term) if term.sql != "0" else None


def _steps(node: Node, term: Term) -> str | None:
    """A whole number that the rule states, of either sign."""
    whole = isinstance(node, Literal) and isinstance(node.value, Decimal) and term.kind is Kind.INTEGER
    steps = term.sql.strip("()")
    return steps if whole and abs(int(steps)) <= _MOST else None


def _word(word: str) -> Parameter:
    """A literal text, which Access reads in any case."""
    return lambda node, _: "" if isinstance(node, Literal) and str(node.value).lower() == word else None


_TEXT, _INTEGER, _NUMBER = _of(Kind.TEXT), _of(Kind.INTEGER), _of(*NUMBERS)
_DECIMAL, _DOUBLE, _TIME, _BOOLEAN = _of(Kind.EXACT), _of(Kind.DOUBLE), _of(Kind.TIME), _of(Kind.BOOLEAN)


def _part(field: str) -> str:
    return f"extract({field} from {{0}}::timestamp)"  # a date has no hour to extract


_PARTS = {
    "yyyy": _part("year"),
    "q": _part("quarter"),
    "m": _part("month"),
    "d": _part("day"),
    "y": _part("doy"),
    "w": f"({_part('dow')} + 1)",  # Access begins the week on Sunday, with 1
    "h": _part("hour"),
    "n": _part("minute"),
    "s": f"floor({_part('second')})",
}
_NAMED = {"year": "yyyy", "month": "m", "day": "d", "hour": "h", "minute": "n", "second": "s"}

# Both clamp to the end of a shorter month. `w` adds days as well, whatever its name says.
_STEPS = {"yyyy": "year", "m": "month", "d": "day", "y": "day", "w": "day", "ww": "week", "h": "hour", "n": "minute",
          "s": "second"}  # fmt: skip

# Microsoft's systems count the boundaries between two dates, not the time: 23:59 to 0:01 is a day.
_MONTHS = "(extract(year from {1}) * 12 + extract(month from {1}))"
DIFFERENCES = {
    "yyyy": "(extract(year from {2}) - extract(year from {1}))",
    "m": f"({_MONTHS.replace('{1}', '{2}')} - {_MONTHS})",
    "d": "({2}::date - {1}::date)",
    "y": "({2}::date - {1}::date)",
    **{
        letter: f"(extract(epoch from date_trunc('{unit}', {{2}}::timestamp) - date_trunc('{unit}', {{1}}::timestamp))"
        f" / {seconds})"
        for letter, unit, seconds in (("h", "hour", 3600), ("n", "minute", 60), ("s", "second", 1))
    },
}

_FORMS: dict[str, tuple[Form, ...]] = {
    "len": (Form((_TEXT,), "char_length({0})", Kind.INTEGER),),
    "left": (Form((_TEXT, _count), "left({0}, {1})", Kind.TEXT),),
    "right": (Form((_TEXT, _count), "right({0}, {1})", Kind.TEXT),),
    "mid": (
        Form((_TEXT, _position), "substr({0}, {1})", Kind.TEXT),
        Form((_TEXT, _position, _count), "substr({0}, {1}, {2})", Kind.TEXT),
    ),
    # Spaces alone, in both: a tab stays.
    "trim": (Form((_TEXT,), "btrim({0})", Kind.TEXT),),
    "ltrim": (Form((_TEXT,), "ltrim({0})", Kind.TEXT),),
    "rtrim": (Form((_TEXT,), "rtrim({0})", Kind.TEXT),),
    # Letters beyond A to Z keep their case here; nothing that translates can tell.
    "ucase": (Form((_TEXT,), 'upper({0} collate "C")', Kind.TEXT),),
    "lcase": (Form((_TEXT,), 'lower({0} collate "C")', Kind.TEXT),),
    # An integer's abs() can overflow: abs(-32768::smallint).
    "abs": (Form((_INTEGER,), "abs({0}::numeric)", Kind.INTEGER), Form((_NUMBER,), "abs({0})", None)),
    "int": (Form((_INTEGER,), "{0}", None), Form((_NUMBER,), "floor({0})", None)),
    "fix": (Form((_INTEGER,), "{0}", None), Form((_NUMBER,), "trunc({0})", None)),
    # Half goes to the even neighbour in Access, as it does in PostgreSQL for double precision; numeric rounds it away.
    "round": (
        Form((_INTEGER,), "{0}", None),
        Form((_INTEGER, _count), "{0}", None),
        Form((_DOUBLE,), "round({0}::double precision)", Kind.DOUBLE),
    ),
    "nz": tuple(
        Form((kind, other), "coalesce({0}, {1})", None)
        for kind, other in (
            *((kind, kind) for kind in (_TEXT, _INTEGER, _DECIMAL, _DOUBLE, _TIME, _BOOLEAN)),
            (_DECIMAL, _INTEGER),
            (_DOUBLE, _INTEGER),
        )
    ),
    "cstr": (Form((_TEXT,), "{0}", None), Form((_INTEGER,), "{0}::text", Kind.TEXT)),
    # A number out of their range is an error in Access; here it simply stays what it is.
    "cint": (Form((_INTEGER,), "{0}", None),),
    "clng": (Form((_INTEGER,), "{0}", None),),
    "cdbl": (Form((_NUMBER,), "{0}::double precision", Kind.DOUBLE),),
    "cbool": (Form((_BOOLEAN,), "{0}", None), Form((_NUMBER,), "({0} <> 0)", Kind.BOOLEAN)),
    "cdate": (Form((_TIME,), "{0}", None),),
    "datepart": tuple(
        Form((_word(part), _TIME), sql.replace("{0}", "{1}"), Kind.INTEGER) for part, sql in _PARTS.items()
    ),
    **{name: (Form((_TIME,), _PARTS[part], Kind.INTEGER),) for name, part in _NAMED.items()},
    "dateadd": tuple(
        Form((_word(part), _steps, _TIME), f"({{2}} + interval '{{1}} {unit}')", Kind.TIME)
        for part, unit in _STEPS.items()
    ),
    "datediff": tuple(Form((_word(part), _TIME, _TIME), sql, Kind.INTEGER) for part, sql in DIFFERENCES.items()),
}  # fmt: skip

_OF_THE_MOMENT = "it compares with the moment of entry, and a CHECK has to hold for rows of any day"
_REFUSED = {
    "now": _OF_THE_MOMENT,
    "date": _OF_THE_MOMENT,
    "time": _OF_THE_MOMENT,
    "genguid": "it makes a new value each time",
}
