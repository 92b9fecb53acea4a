"""A source held in memory, for rows that no file of ours has: poisoned, huge, or cut off in the middle."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Self

import polars as pl

from pipeline.batch import Batch, Defect, Fingerprint, Position, Unread
from pipeline.catalog import Catalog


@dataclass
class FrameSource:
    """Frames as tables; `before_batch(table, first_row)` may raise, or change the world, between batches."""

    tables: Catalog
    frames: Mapping[str, pl.DataFrame]
    defects: Mapping[str, tuple[Defect, ...]] = field(default_factory=dict)
    unread: Mapping[str, tuple[Unread, ...]] = field(default_factory=dict)
    """Places before a table's first row."""
    before_batch: Callable[[str, int], None] = lambda _table, _row: None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def catalog(self) -> Catalog:
        return self.tables

    def fingerprint(self) -> Fingerprint:
        digest = hashlib.sha256()
        for name in sorted(self.frames):
            digest.update(f"{name}{self.frames[name].rows()}".encode())
        return Fingerprint("frames", digest.hexdigest(), 0)

    def count(self, table: str) -> int:
        return self.frames[table].height

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        frame = self.frames[table].select(columns or pl.all())
        start = 0 if after is None else int(str(after.mark))
        for first in range(start, frame.height, batch_rows):
            self.before_batch(table, first)
            part = frame.slice(first, batch_rows)
            end = first + part.height
            defects = tuple(replace(d, row=d.row - first) for d in self.defects.get(table, ()) if first <= d.row < end)
            unread = () if first else self.unread.get(table, ())
            yield Batch(part, pl.Series(range(first, end), dtype=pl.Int64), Position(end), defects, unread)
