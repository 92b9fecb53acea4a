"""Ours among rows of others, of which there may be any number: only hashes are held, and of ours alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from pipeline.postgres.digest import BUCKET, ROW, groups
from pipeline.verify.sides import Sides

_ROWS_AT_ONCE = 2_000_000
"""Some 200 MB of hashes and counts."""
_PARTS = 64
_NONE = pl.DataFrame(schema={BUCKET: pl.UInt16(), ROW: pl.UInt128(), "rows": pl.UInt64()})


def without_equal(sides: Sides, source: pl.DataFrame, buckets: pl.DataFrame) -> pl.DataFrame:
    """Those of the buckets in which a row of the source has no equal in the target; `source` is its sums by bucket.

    Buckets with rows of others always differ. To look into all of them, group by group, would read both sides once for
    each some thousand rows of others.
    """
    ours = source.join(buckets, on=BUCKET, how="semi").select(BUCKET, "rows")
    found = [_lacking(sides, part) for part in groups(ours, _ROWS_AT_ONCE)]
    return buckets.join(pl.concat([_NONE, *found]), on=BUCKET, how="semi")


def _lacking(sides: Sides, buckets: Sequence[int]) -> pl.DataFrame:
    """Rows of the source in these buckets that are there more often than in the target."""
    ours = _counted([_of(arriving.rows, buckets) for arriving in sides.source()])
    there = _counted(_gathered(_of(frame, buckets).join(ours, on=ROW, how="semi") for frame in sides.target()))
    both = ours.join(there.select(ROW, there="rows"), on=ROW, how="left")
    return both.filter(pl.col("rows") > pl.col("there").fill_null(0)).drop("there")


def _of(frame: pl.DataFrame, buckets: Sequence[int]) -> pl.DataFrame:
    rows = frame.filter(pl.col(BUCKET).is_in(buckets)).group_by(BUCKET, ROW).len("rows")
    return rows.with_columns(pl.col("rows").cast(pl.UInt64))


def _gathered(frames: Iterator[pl.DataFrame]) -> list[pl.DataFrame]:
    """Equal rows of all frames as one, so that there are no more of them than of ours."""
    found: list[pl.DataFrame] = []
    for frame in frames:
        found.append(frame)
        if len(found) > _PARTS:
            found = [_counted(found)]
    return found


def _counted(frames: Sequence[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat([_NONE, *frames]).group_by(BUCKET, ROW).agg(pl.col("rows").sum())
