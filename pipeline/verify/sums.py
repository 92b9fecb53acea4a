"""What one reading of both sides comes to: sums that say whether they are equal, and stand for the rows elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.verify.digest import summed
from pipeline.verify.sides import Sides


@dataclass(frozen=True, slots=True)
class Sums:
    """By bucket, the number of rows and the sum of their hashes, as `summed` gives them."""

    source: pl.DataFrame
    """Of the rows that shall have arrived, as the mapping makes them."""
    target: pl.DataFrame


def read_once(sides: Sides) -> Sums:
    """Reads the source, then the target; raises SourceError and TargetError."""
    return Sums(source=summed(frame for frame, _ in sides.source()), target=summed(sides.target()))
