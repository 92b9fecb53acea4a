"""Rows of two sides that are not the same, paired so that each difference is told by key, column and both values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.postgres.digest import KEY, ROW, hash128

SHOWN = 120
"""Characters of a value that are kept; whether two are equal is told by the whole of them."""
_LIKE = 200
"""Rows of each side without a key that are looked through for their likes."""


def kept(frame: pl.DataFrame, cells: Sequence[str]) -> pl.DataFrame:
    """The rows with the beginning of each cell, and its hash under the name with `#`."""
    hashes = [hash128(name).alias(f"#{name}") for name in cells]
    return frame.with_columns(*hashes, *(pl.col(name).str.slice(0, SHOWN) for name in cells))


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
    shared = pl.sum_horizontal((~differs(name)).cast(pl.UInt32) for name in cells)
    pairs = left.join(right, how="cross", suffix="_right").select("i", "j", KEY, shared=shared)
    given: dict[int, int] = {}
    taken = set()
    likely = pairs.filter(pl.col("shared") * 2 >= len(cells)).sort("shared", descending=True, maintain_order=True)
    for i, j, key, _ in likely.rows():
        if i not in taken and j not in given:
            taken.add(i)
            given[j] = key
    keys = extra[KEY].scatter(list(given), list(given.values())) if given else extra[KEY]
    return missing, extra.with_columns(keys)
