"""The closed set of default expressions that may go into DDL, and the types each one fits."""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.catalog import SqlType
from pipeline.mapping.types import INTEGERS, family


@dataclass(frozen=True, slots=True)
class _Form:
    pattern: re.Pattern[str]
    families: frozenset[str]
    """Empty: every family (PostgreSQL reads a quoted string as the column's type)."""


def _form(pattern: str, *families: str) -> _Form:
    return _Form(re.compile(pattern), frozenset(families))


_FORMS = (
    _form(r"-?[0-9]{1,38}(?:\.[0-9]{1,38})?", "number"),
    _form(r"'(?:[^'\0]|'')*'"),
    _form("true|false", "boolean"),
    _form(r"now\(\)", "time"),
    _form("current_date", "time"),
    _form(r"gen_random_uuid\(\)", "uuid"),
)
_LENGTH = 10_000


def is_default(text: str) -> bool:
    return len(text) <= _LENGTH and _form_of(text) is not None


def valid_default(text: str) -> str:
    """The expression itself if it is one of the known forms; raises ValueError."""
    if not is_default(text):
        raise ValueError(
            f"{text[:60]!r} is not a number, a quoted string, true, false, now(), current_date or gen_random_uuid()"
        )
    return text


def default_fits(text: str, type: SqlType) -> bool:
    """Whether a valid default can be a column's of that type, as far as its form tells."""
    form = _form_of(text)
    if form is None:
        return False
    if "." in text and type.name in INTEGERS and "number" in form.families:
        return False
    return not form.families or family(type) in form.families


def _form_of(text: str) -> _Form | None:
    return next((form for form in _FORMS if form.pattern.fullmatch(text)), None)
