"""Patterns of `Format` for dates, as patterns of `to_char`."""

from __future__ import annotations

from itertools import groupby

from pipeline.dialects.expressions.tree import Untranslatable

# Not here: `/` and `:`, which Windows' settings replace; month and day names, which its language does.
_FIELDS = {
    "yyyy": "YYYY",
    "yy": "YY",
    "mm": "MM",
    "m": "FMMM",
    "dd": "DD",
    "d": "FMDD",
    "hh": "HH24",
    "h": "FMHH24",
    "nn": "MI",
    "n": "FMMI",
    "ss": "SS",
    "s": "FMSS",
}
_SEPARATORS = frozenset("-. _")


def date_pattern(pattern: str) -> str:
    """The pattern for `to_char`; raises Untranslatable."""
    parts, hour = [], False
    for character, run in groupby(pattern.lower()):
        written = "".join(run)
        field = _FIELDS.get(written)
        if (field is None and character not in _SEPARATORS) or (hour and character == "m"):  # minutes, after hours
            raise Untranslatable(f"the date format {pattern[:40]!r} depends on Windows' settings")
        parts.append(field or written)
        hour = character == "h" or (hour and field is None)
    return "".join(parts)
