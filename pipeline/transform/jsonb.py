"""What `jsonb` does not keep of a JSON text, beyond blanks and the order of keys, which mean nothing in JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import polars as pl

from pipeline.transform.step import Stepped


@dataclass(frozen=True, slots=True)
class Kept:
    """Of equal keys the last alone, and zero without a sign: done here, so that it can be told.

    What is no JSON, or is nested deeper than Python reads, is left to PostgreSQL, which refuses it.
    """

    name: str = "jsonb"

    def __call__(self, values: pl.Series) -> Stepped:
        changed: dict[int, str] = {}
        for row, text in enumerate(values):
            kept = None if text is None else _kept(text)
            if kept is not None:
                changed[row] = kept
        if not changed:
            return Stepped(values)
        lost = pl.repeat(False, len(values), eager=True).scatter([*changed], values=True)
        texts = pl.Series([*changed.values()], dtype=pl.String)
        return Stepped(values.clone().scatter([*changed], texts), lost=lost)  # scatter changes its series


class _Number(str):
    """Its digits as they stand, however many."""


@dataclass(slots=True)
class _Reading:
    changed: bool = False

    def members(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        self.changed = self.changed or len(made) < len(pairs)
        return made

    def number(self, digits: str) -> _Number:
        if digits.startswith("-") and not digits.lower().partition("e")[0].strip("-0."):
            self.changed = True
            return _Number(digits[1:])
        return _Number(digits)


def _kept(text: str) -> str | None:
    """The text as `jsonb` means it; None where it keeps all of it."""
    reading = _Reading()
    try:
        read = json.loads(text, object_pairs_hook=reading.members, parse_int=reading.number, parse_float=reading.number)
        return "".join(_written(read)) if reading.changed else None
    except (ValueError, RecursionError):
        return None


def _written(value: Any) -> Iterator[str]:
    match value:
        case _Number():
            yield value
        case dict():
            for place, (name, member) in enumerate(value.items()):
                yield f"{', ' if place else '{'}{json.dumps(name, ensure_ascii=False)}: "
                yield from _written(member)
            yield "}" if value else "{}"
        case list():
            for place, member in enumerate(value):
                yield ", " if place else "["
                yield from _written(member)
            yield "]" if value else "[]"
        case _:
            yield json.dumps(value, ensure_ascii=False)
