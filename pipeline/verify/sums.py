"""What one reading of both sides comes to: sums that say whether they are equal, and stand for the rows elsewhere."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.verify.digest import Sum, summed
from pipeline.verify.losses import Ledgered
from pipeline.verify.sides import Sides


@dataclass(frozen=True, slots=True)
class Sums:
    """By bucket, the number of rows and the sum of their hashes, as `summed` gives them."""

    source: pl.DataFrame
    """Of the rows that shall have arrived, as the mapping makes them."""
    target: pl.DataFrame
    changed: pl.DataFrame
    """Of the losses that the mapping makes in these rows."""
    told: pl.DataFrame
    """Of the losses that the ledger has."""


def read_once(sides: Sides, ledgered: Ledgered) -> Sums:
    """Reads the source, then the target and its ledger; raises SourceError and TargetError."""
    source, changed = Sum(), Sum()
    for arriving in sides.source():
        source.add(arriving.rows)
        for losses in arriving.losses:
            changed.add(ledgered.made(losses))
    return Sums(source.buckets(), summed(sides.target()), changed.buckets(), summed(ledgered.told()))
