"""A side of a comparison in bounded memory: how many rows it has, and the sum of their hashes.

Computed here, of the texts that rows of a source and of a table have in common, and the same in every release;
`content` asks a server for hashes of its own, which are good for that database alone. The sum does not depend on the
order of the rows, and a row that is there twice counts twice. Rows are told apart by buckets of their key, so that a
difference is looked for among few rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import polars as pl
import polars_hash

BUCKETS = 4096
ROW, KEY, BUCKET = "row", "key", "bucket"
_PARTS = 16
_EMPTY = pl.DataFrame(schema={BUCKET: pl.UInt16, "rows": pl.UInt64, "total": pl.UInt128})


@dataclass(frozen=True, slots=True)
class Total:
    """What any number of rows comes to, wherever and in whatever order they are read."""

    rows: int
    hash: str
    """The sum of their hashes modulo 2^128, as 32 hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What one reading of both sides comes to, by bucket, as `summed` gives it."""

    source: pl.DataFrame
    """Of the rows that shall have arrived, as the mapping makes them."""
    standing: pl.DataFrame
    """Of the rows of the table."""
    removed: pl.DataFrame
    """Of those that arrived and were taken out for breaking a constraint."""
    changed: pl.DataFrame
    """Of the losses that the mapping makes in the rows of the source."""
    told: pl.DataFrame
    """Of the losses that the ledger has."""
    kinds: Mapping[tuple[str, str], int]
    """How many these are, by column and rule."""

    @property
    def target(self) -> pl.DataFrame:
        """Of all rows that have arrived."""
        return _added([self.standing, self.removed])


def cell(number: int) -> str:
    """Name of a table's column in the frames of a comparison, where it stands beside ours."""
    return f"c{number}"


def hashed(texts: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The cells with a hash of each row, one of its key (where there is none, of the row), and the key's bucket."""
    cells = [name for name in texts.columns if name != "locator"]
    rows = texts.with_columns(_framed(cells).alias(ROW), *[_framed(key).alias(KEY)] * bool(key))
    both = rows.with_columns(hash128(ROW), hash128(KEY if key else ROW).alias(KEY))
    return both.with_columns((pl.col(KEY) % BUCKETS).cast(pl.UInt16).alias(BUCKET))


def hash128(name: str) -> pl.Expr:
    """XXH3-128 with seed 0 of a column's UTF-8; NULL of NULL."""
    return polars_hash.col(name).nchash.xxh3_128()


def _framed(cells: Sequence[str]) -> pl.Expr:
    """All cells as one text: U+0000, which no text of PostgreSQL holds, and `,` stand between two, and `N` for NULL."""
    return pl.concat_str([pl.col(name).fill_null("\0N") for name in cells], separator="\0,")


@dataclass(slots=True)
class Sum:
    """Grows by frames as `hashed` gives them."""

    _parts: list[pl.DataFrame] = field(default_factory=lambda: [_EMPTY])

    def add(self, frame: pl.DataFrame) -> None:
        self._parts.append(frame.group_by(BUCKET).agg(rows=pl.len().cast(pl.UInt64), total=pl.col(ROW).sum()))
        if len(self._parts) > _PARTS:
            self._parts = [self.buckets()]

    def buckets(self) -> pl.DataFrame:
        """Rows and sum of row hashes modulo 2^128 of each bucket that holds any, in order."""
        return _added(self._parts)


def summed(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """The buckets of all frames."""
    total = Sum()
    for frame in frames:
        total.add(frame)
    return total.buckets()


def whole(buckets: pl.DataFrame) -> Total:
    """All buckets in one."""
    rows, total = buckets.select(pl.col("rows", "total").sum()).row(0)
    return Total(rows, f"{total:032x}")


def _added(parts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    return pl.concat(parts).group_by(BUCKET).agg(pl.col("rows", "total").sum()).sort(BUCKET)


def differing(one: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    """Buckets whose sums are not equal, with the rows that both sides have there."""
    both = one.join(other, on=BUCKET, how="full", coalesce=True)
    same = pl.col("rows").eq_missing(pl.col("rows_right")) & pl.col("total").eq_missing(pl.col("total_right"))
    rows = pl.col("rows").fill_null(0) + pl.col("rows_right").fill_null(0)
    return both.filter(~same).select(BUCKET, rows=rows).sort(BUCKET)


def groups(buckets: pl.DataFrame, most_rows: int) -> list[list[int]]:
    """The buckets in groups of no more rows than that, or of one bucket."""
    found: list[list[int]] = []
    room = 0
    for bucket, rows in buckets.rows():
        if not found or rows > room:
            found.append([])
            room = most_rows
        found[-1].append(bucket)
        room -= rows
    return found
