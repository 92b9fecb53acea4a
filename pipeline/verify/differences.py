"""Rows of two sides that are not the same, paired so that each difference is told by key, column and both values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.postgres.digest import KEY, ROW, hash128

_PARTS = 16
SHOWN = 120
"""Characters of a value that are kept; whether two are equal is told by the whole of them."""
_LIKE = 200
"""Rows of each side without a key that are looked through for their likes."""


def kept(frame: pl.DataFrame, cells: Sequence[str]) -> pl.DataFrame:
    """The rows with the beginning of each cell, and its hash under the name with `#`."""
    hashes = [hash128(name).alias(f"#{name}") for name in cells]
    # Joined to nothing, so that it is a copy: a slice alone would keep the whole values of its frame in memory.
    beginnings = (pl.col(name).str.slice(0, SHOWN) + pl.lit("") for name in cells)
    return frame.with_columns(*hashes, *beginnings)


def folded(frames: Iterable[pl.DataFrame], none: pl.DataFrame) -> pl.DataFrame:
    """Equal rows as one with the number of its `copies`: without a key, millions of them may share a bucket."""
    found = [none.with_columns(copies=pl.lit(1, pl.UInt32))]
    for frame in frames:
        found.append(_as_one(frame.with_columns(copies=pl.lit(1, pl.UInt32))))
        if len(found) > _PARTS:
            found = [_as_one(pl.concat(found, how="diagonal"))]
    return _as_one(pl.concat(found, how="diagonal"))


def unfolded(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """As many of each row as there are more of it than of the others."""
    both = rows.join(others.select(ROW, there="copies"), on=ROW, how="left", maintain_order="left")
    more = both.filter(pl.col("copies") > pl.col("there").fill_null(0))
    more = more.with_columns(pl.col("copies") - pl.col("there").fill_null(0)).with_row_index("at")
    places = more.select(pl.col("at").repeat_by("copies").explode(empty_as_null=False))["at"]
    return more.drop("at", "copies", "there")[places]


def _as_one(rows: pl.DataFrame) -> pl.DataFrame:
    rest = pl.exclude(ROW, "copies").first()
    return rows.group_by(ROW, maintain_order=True).agg(rest, pl.col("copies").sum())


@dataclass(frozen=True, slots=True)
class Differences:
    """`paired` has the columns of a source's row and, with `_right` after the name, those of the target's."""

    paired: pl.DataFrame
    missing: pl.DataFrame
    """Rows of the source that the target has not."""
    extra: pl.DataFrame
    """Rows of the target that the source has not."""


def differences(source: pl.DataFrame, target: pl.DataFrame, cells: Sequence[str], *, keyed: bool) -> Differences:
    """What is left once each row has met its equal; rows that are there several times meet as often."""
    missing, extra = _without(source, target, ROW), _without(target, source, ROW)
    if not keyed:
        missing, extra = _liked(missing, extra, cells)
    on = [KEY, "nth"]
    missing, extra = _counted(missing, KEY), _counted(extra, KEY)
    paired = missing.join(extra, on=on, how="inner", suffix="_right")
    return Differences(paired, missing.join(extra, on=on, how="anti"), extra.join(missing, on=on, how="anti"))


def differs(name: str) -> pl.Expr:
    """Whether a cell of a pair is another one."""
    return pl.col(f"#{name}").ne_missing(pl.col(f"#{name}_right"))


def _without(rows: pl.DataFrame, others: pl.DataFrame, by: str) -> pl.DataFrame:
    """One row less for each equal one of the others."""
    return _counted(rows, by).join(_counted(others, by), on=[by, "nth"], how="anti").drop("nth")


def _counted(rows: pl.DataFrame, by: str) -> pl.DataFrame:
    return rows.with_columns(nth=pl.int_range(pl.len()).over(by))


def _liked(missing: pl.DataFrame, extra: pl.DataFrame, cells: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Without a key, rows that share most cells are one row that was changed: the second gets the first one's `key`."""
    left, right = missing.head(_LIKE).with_row_index("i"), extra.head(_LIKE).with_row_index("j")
    pairs = left.select("i").join(right.select("j"), how="cross")
    shared = pl.zeros(pairs.height, dtype=pl.UInt32(), eager=True)
    for name in (f"#{cell}" for cell in cells):  # one by one: all cells of all pairs would be gigabytes in a wide table
        shared += left[name].gather(pairs["i"]).eq_missing(right[name].gather(pairs["j"])).cast(pl.UInt32)
    given: dict[int, int] = {}
    taken = set()
    pairs = pairs.with_columns(shared=shared).filter(pl.col("shared") * 2 >= len(cells))
    for i, j, _ in pairs.sort("shared", descending=True, maintain_order=True).rows():
        if i not in taken and j not in given:
            taken.add(i)
            given[j] = i
    # Joined, since Polars makes no column of its hashes from a list of numbers.
    like = pl.DataFrame({"j": [*given], "i": [*given.values()]}, schema={"j": pl.UInt32(), "i": pl.UInt32()})
    keys = like.join(left.select("i", like=KEY), on="i").drop("i")
    found = extra.with_row_index("j").join(keys, on="j", how="left", maintain_order="left")
    return missing, found.with_columns(pl.coalesce("like", KEY).alias(KEY)).drop("j", "like")
