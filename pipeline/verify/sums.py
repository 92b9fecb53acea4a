"""What one reading of both sides comes to: sums that say whether they are equal, and stand for the rows elsewhere."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest

import polars as pl

from pipeline.verify.digest import Sum, summed
from pipeline.verify.losses import Ledgered
from pipeline.verify.sides import Arriving, Sides


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
    """Raises SourceError and TargetError."""
    source, target, changed = Sum(), Sum(), Sum()
    with closing(_both(sides)) as both:
        for arriving, frame in both:
            if arriving is not None:
                source.add(arriving.rows)
                for losses in arriving.losses:
                    changed.add(ledgered.made(losses))
            if frame is not None:
                target.add(frame)
    return Sums(source.buckets(), target.buckets(), changed.buckets(), summed(ledgered.told()))


def _both(sides: Sides) -> Generator[tuple[Arriving | None, pl.DataFrame | None], None, None]:
    """In turns where that can be: the source decodes and the server sends while the other's rows are hashed."""
    if sides.asks:
        yield from ((arriving, None) for arriving in sides.source())
    with closing(sides.target()) as target:
        # The source goes first: it asks for what waits in the quarantine before the target's COPY holds the connection.
        yield from zip_longest(() if sides.asks else sides.source(), target)
