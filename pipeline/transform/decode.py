"""Values that are bytes in a form of their own, one by one as text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipeline.transform.step import Stepped


class Undecodable(ValueError):
    """Why bytes are not what they claim, or cannot be said as text; the message is what the reject tells."""


@dataclass(frozen=True, slots=True)
class Decode:
    """Binary to String; what `decode` raises Undecodable for is refused."""

    name: str
    decode: Callable[[bytes], str | None]

    def __call__(self, values: pl.Series) -> Stepped:
        texts: list[str | None] = []
        why: dict[int, str] = {}
        for row, value in enumerate(values):
            try:
                texts.append(None if value is None else self.decode(value))
            except Undecodable as error:
                texts.append(None)
                why[row] = str(error)
        refused = pl.repeat(False, len(values), eager=True).scatter(list(why), values=True) if why else None
        return Stepped(pl.Series(texts, dtype=pl.String), refused, why=why)
