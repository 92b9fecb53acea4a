"""From a table definition to batches: windows of pages, cut into bounded runs of rows, decoded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from pipeline.batch import Batch, Defect, Position
from pipeline.errors import SourceError
from pipeline.sources.access.columns import ColumnReader
from pipeline.sources.access.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.file import AccessFile
from pipeline.sources.access.memory import Ints
from pipeline.sources.access.rows import Rows, data_pages, live_rows, own_pages

BATCH_BYTES = 16 << 20
_WINDOW_PAGES = 256


def count_rows(file: AccessFile, table: TableDefinition) -> int:
    """Live rows, from the row slots alone; raises DamagedSource where pages of the table are missing.

    Real files map pages that are not the table's (14 of 255), and real definitions miscount their rows
    (10 tables in 8 files). Both at once is a page that was lost or put in another's place.
    """
    rows = foreign = 0
    for window in _windows(data_pages(file, table)):
        file.check_unchanged()
        rows += len(live_rows(file, table, window))
        foreign += len(window) - len(own_pages(file, table, window))
        file.forget()
    if foreign and rows != table.rows:
        found = f"{rows:,} rows are found where its definition counts {table.rows:,}"
        raise file.damaged(f"maps {foreign} pages that are not its own, and {found}", table=table.name)
    return rows


def read_table(
    file: AccessFile,
    table: TableDefinition,
    columns: tuple[ColumnDefinition, ...],
    *,
    codec: str,
    batch_rows: int,
    after: Position | None = None,
) -> Iterator[Batch]:
    """Batches of a table after a position, each of at most `batch_rows` rows and about 16 MiB."""
    for rows in _runs(file, table, columns, codec, batch_rows, _last_locator(file, after)):
        file.check_unchanged()
        batch = _batch(file, table, columns, codec, rows)
        file.forget()
        yield batch
    file.check_unchanged()


def _last_locator(file: AccessFile, after: Position | None) -> int:
    mark = -1 if after is None else after.mark
    if not isinstance(mark, int):
        raise SourceError(f"{file.name}: {mark!r} is no position in an Access file")
    return mark


def _windows(pages: Ints) -> Iterator[Ints]:
    return (pages[first : first + _WINDOW_PAGES] for first in range(0, len(pages), _WINDOW_PAGES))


def _runs(
    file: AccessFile, table: TableDefinition, columns: tuple[ColumnDefinition, ...], codec: str, most: int, last: int
) -> Iterator[Rows]:
    """Rows of one batch each. Locators ascend, so the last one read tells where to go on."""
    pages = data_pages(file, table)
    pending, sizes = Rows.none(), np.zeros(0, np.int64)
    foreign, unclaimed = 0, file.size
    for window in _windows(pages[pages >= last >> 8]):
        file.check_unchanged()
        rows = live_rows(file, table, window)
        foreign += len(window) - len(own_pages(file, table, window))
        rows = rows.where(rows.locator > last)
        reader = ColumnReader(file, table, rows, codec)
        found = reader.sizes(columns)
        # Values do not share bytes, so a pass over a table cannot meet more of them than the file has.
        unclaimed -= int(found.sum())
        if unclaimed < 0:
            raise file.damaged("rows claim more bytes than the file has", table=table.name)
        pending, sizes = pending.then(rows), np.concatenate([sizes, found + reader.unpacked(columns)])
        done = 0
        for first, stop in _cuts(sizes, most):
            yield pending.where(slice(first, stop))
            done = stop
        pending, sizes = pending.where(slice(done, None)), sizes[done:]
    if len(pending):
        yield pending
    if foreign:
        count_rows(file, table)


def _cuts(sizes: Ints, most: int) -> Iterator[tuple[int, int]]:
    """First row and row after the last of each full batch; what remains does not fill one."""
    ends, first, before = np.cumsum(sizes), 0, 0
    while first < len(sizes):
        fits = int(np.searchsorted(ends, before + BATCH_BYTES, side="right"))
        stop = min(max(fits, first + 1), first + most)
        if stop - first < most and fits == len(sizes):
            return
        yield first, stop
        first, before = stop, int(ends[stop - 1])


def _batch(
    file: AccessFile, table: TableDefinition, columns: tuple[ColumnDefinition, ...], codec: str, rows: Rows
) -> Batch:
    reader = ColumnReader(file, table, rows, codec)
    series, defects = [], []
    for column in columns:
        decoded = reader.decode(column)
        series.append(pl.Series(column.name, pl.from_arrow(decoded.values)))
        defects += [Defect(flaw.row, column.name, flaw.reason, flaw.raw, flaw.replacement) for flaw in decoded.flaws]
    locators = pl.Series("locator", rows.locator)
    return Batch(pl.DataFrame(series), locators, Position(int(rows.locator[-1])), tuple(defects))
