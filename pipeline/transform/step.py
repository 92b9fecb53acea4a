"""What every step of a chain is: a pure function of one column that loses nothing unseen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl


@dataclass(frozen=True, slots=True)
class Stepped:
    """A column after a step; masks are Boolean, as long as the column, and None for "nowhere"."""

    values: pl.Series
    refused: pl.Series | None = None
    """Where the step has no exact answer: the row goes to the quarantine."""
    lost: pl.Series | None = None
    """Where the value changed by the mapping's wish: each is recorded as a loss."""
    why: Mapping[int, str] = field(default_factory=dict)
    """By refused row, where the rule's name does not say it all."""
    lost_by: Mapping[str, pl.Series] = field(default_factory=dict)
    """As `lost`, by rules that are not the step's own."""


class Step(Protocol):
    """A pure step: the same column in, the same column out."""

    @property
    def name(self) -> str:
        """The rule's name, as rejects and losses record it."""

    def __call__(self, values: pl.Series) -> Stepped: ...


def somewhere(mask: pl.Series) -> pl.Series | None:
    """The mask with NULL as False, or None if it holds nowhere."""
    return mask.fill_null(value=False) if mask.any() else None


def differs(before: pl.Series, after: pl.Series) -> pl.Series | None:
    """Where two columns of one dtype differ; NULL equals NULL."""
    return somewhere(before.ne_missing(after))
