"""The words of an Access expression, each with the value that it stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from pipeline.dialects.expressions.tree import Untranslatable

# Access takes at most 2048 characters. The tree of 300 words is shallow enough for the recursion of its readers.
_LONGEST_TEXT = 4096
MOST_TOKENS = 300
_MOST_DIGITS = 28

_TOKEN = re.compile(
    r"""
    (?P<space>  [ \t\r\n]+ )
  | (?P<number> (?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?(?!\w) )
  | (?P<text>   "(?:[^"]|"")*" | '(?:[^']|'')*' )
  | (?P<date>   \#[^\#]{1,40}\# )
  | (?P<name>   \[[^][]+\] )
  | (?P<word>   [^\W\d]\w* )
  | (?P<symbol> <> | <= | >= | [-+*/\\^&=<>(),.!;] )
    """,
    re.VERBOSE,
)
_DAYS = ("%m/%d/%Y", "%Y-%m-%d")
_TIMES = ("%H:%M:%S", "%H:%M", "%I:%M:%S %p", "%I:%M %p")
_DATE_FORMATS = (*_DAYS, *(f"{day} {time}" for day in _DAYS for time in _TIMES))


@dataclass(frozen=True, slots=True)
class Token:
    kind: str
    """`number`, `text`, `date`, `name` ([in brackets]), `word` or `symbol`; `end` after the last."""
    value: Decimal | str | datetime
    """Words in lower case."""
    written: str = ""


_END = Token("end", "the end")


def tokenize(text: str, *, longest: int = _LONGEST_TEXT, most: int = MOST_TOKENS) -> tuple[Token, ...]:
    """The tokens of a text, with `end` at the end; raises Untranslatable beyond `longest` characters, `most` words."""
    if len(text) > longest:
        raise Untranslatable(f"it is longer than {longest} characters")
    tokens: list[Token] = []
    for token in _scan(text):
        tokens.append(token)
        if len(tokens) > most:
            raise Untranslatable(f"it has more than {most} words")
    return (*tokens, _END)


def _scan(text: str) -> Iterator[Token]:
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise Untranslatable(f"{text[at : at + 10]!r} is not understood")
        at = match.end()
        if match.lastgroup != "space":
            yield Token(match.lastgroup, _VALUES[match.lastgroup](match[0]), match[0])


def _number(text: str) -> Decimal:
    number = Decimal(text)
    if len(number.as_tuple().digits) > _MOST_DIGITS or abs(number.adjusted()) > _MOST_DIGITS:
        raise Untranslatable(f"the number {text[:40]} has more than {_MOST_DIGITS} digits")
    return number


def _text(text: str) -> str:
    quote = text[0]
    value = text[1:-1].replace(quote * 2, quote)
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise Untranslatable("it holds text that PostgreSQL cannot store")
    return value


def _date(text: str) -> datetime:
    """Months come first whatever Windows is set to. Two-digit years and 13/1/2020 are guesses that Access makes."""
    written = " ".join(text[1:-1].split())
    for format in _DATE_FORMATS:
        try:
            value = datetime.strptime(written, format)  # noqa: DTZ007 (Access knows no zones)
        except ValueError:
            continue
        if value.year >= 100:
            return value
    raise Untranslatable(f"the date {text} is not #month/day/year# or #year-month-day#")


_VALUES: dict[str, Callable[[str], Decimal | str | datetime]] = {
    "number": _number,
    "text": _text,
    "date": _date,
    "name": lambda text: text[1:-1],
    "word": str.lower,
    "symbol": str,
}
