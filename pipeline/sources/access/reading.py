"""From a table definition to batches: windows of pages, cut into bounded runs of rows, decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import polars as pl

from pipeline.batch import Batch, Defect, Position, Unread
from pipeline.errors import SourceError
from pipeline.sources.access.cells.columns import ColumnReader
from pipeline.sources.access.cells.values import Decoded
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.pages.extent import extent, unmapped_rows
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.memory import Ints
from pipeline.sources.access.pages.rows import Rows, data_pages, live_rows, misfits, own_pages, windows
from pipeline.sources.access.salvage import Salvage

BATCH_BYTES = 16 << 20


def count_rows(file: AccessFile, table: TableDefinition) -> int:
    """Live rows, from the row slots alone; raises DamagedSource where pages of the table are missing.

    Real files map pages that are not the table's (14 of 255), and real definitions miscount their rows
    (10 tables in 8 files). Both at once is a page that was lost or put in another's place, and so is a miscount with
    a page whose own count of rows does not fit its free space; and a count that just the pages make up that only
    name the table as their owner is a map that has lost them. A file that is salvaged
    has its unread places counted with the rows, and raises for none of them.
    """
    if file.salvage:
        return extent(file, table).places
    rows, foreign, pages, odd = 0, 0, data_pages(file, table), []
    for window in windows(pages):
        file.check_unchanged()
        rows += len(live_rows(file, table, window))
        foreign += len(window) - len(own_pages(file, table, window))
        odd += misfits(file, table, window).tolist()
        file.forget()
    found = f"{rows:,} rows are found where its definition counts {table.rows:,}"
    if foreign and rows != table.rows:
        raise file.damaged(f"maps {foreign} pages that are not its own, and {found}", table=table.name)
    if odd and rows != table.rows:
        what = f"its count of rows does not fit its free space, and {found}"
        raise file.damaged(what, table=table.name, page=odd[0])
    if rows < table.rows:
        others, more = unmapped_rows(file, table, pages)
        if rows + more == table.rows:
            raise file.damaged(f"its usage map lacks {len(others)} pages with {more:,} rows", table=table.name)
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
    """Batches of a table after a position, each of at most `batch_rows` rows and unread places, and about 16 MiB."""
    last = _last_locator(file, after)
    reader: _Whole | Salvage
    reader = Salvage(file, table, columns, codec) if file.salvage else _Whole(file, table, columns, codec)
    for rows in _runs(file, reader, batch_rows, last):
        file.check_unchanged()
        batch = _batch(reader, columns, rows)
        file.forget()
        yield batch
    file.check_unchanged()


class _Whole:
    """Reads a table that must be whole: the first damage ends the reading."""

    doubt = None

    def __init__(
        self, file: AccessFile, table: TableDefinition, columns: tuple[ColumnDefinition, ...], codec: str
    ) -> None:
        self._file, self._table, self._columns, self._codec = file, table, columns, codec
        self.pages = data_pages(file, table)
        self._unclaimed, self._found, self._foreign = file.size, 0, 0

    def begin(self, _: int) -> tuple[Rows, Ints]:
        return Rows.none(), np.zeros(0, np.int64)

    def find(self, window: Ints, last: int) -> tuple[Rows, Ints]:
        rows = live_rows(self._file, self._table, window)
        self._foreign += len(window) - len(own_pages(self._file, self._table, window))
        self._found += len(rows)
        rows = rows.where(rows.locator > last)
        reader = ColumnReader(self._file, self._table, rows, self._codec)
        sizes = reader.sizes(self._columns)
        # Values do not share bytes, so a pass over a table cannot meet more of them than the file has.
        self._unclaimed -= int(sizes.sum())
        if self._unclaimed < 0:
            raise self._file.damaged("rows claim more bytes than the file has", table=self._table.name)
        return rows, sizes + reader.unpacked(self._columns)

    def part(self, rows: Rows) -> tuple[Rows, tuple[Unread, ...]]:
        return rows, ()

    def decoder(self, rows: Rows) -> Callable[[ColumnDefinition], Decoded]:
        return ColumnReader(self._file, self._table, rows, self._codec).decode

    def end(self) -> None:
        if self._foreign or self._found != self._table.rows:
            count_rows(self._file, self._table)


def _last_locator(file: AccessFile, after: Position | None) -> int:
    mark = -1 if after is None else after.mark
    if not isinstance(mark, int):
        raise SourceError(f"{file.name}: {mark!r} is no position in an Access file")
    return mark


def _runs(file: AccessFile, reader: _Whole | Salvage, most: int, last: int) -> Iterator[Rows]:
    """Rows of one batch each. Locators ascend, so the last one read tells where to go on."""
    pages = reader.pages
    pending, sizes = reader.begin(last)
    for window in windows(pages[pages >= last >> 8]):
        file.check_unchanged()
        rows, found = reader.find(window, last)
        pending, sizes = pending.then(rows), np.concatenate([sizes, found])
        done = 0
        for first, stop in _cuts(sizes, most):
            yield pending.where(slice(first, stop))
            done = stop
        pending, sizes = pending.where(slice(done, None)), sizes[done:]
    if len(pending):
        yield pending
    reader.end()


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


def _batch(reader: _Whole | Salvage, columns: tuple[ColumnDefinition, ...], places: Rows) -> Batch:
    rows, unread = reader.part(places)
    decode = reader.decoder(rows)
    series, defects = [], []
    for column in columns:
        decoded = decode(column)
        series.append(pl.Series(column.name, decoded.values))
        defects += [
            Defect(flaw.row, column.name, flaw.reason, flaw.raw, flaw.replacement, flaw.damaged)
            for flaw in decoded.flaws
        ]
    position = Position(int(places.locator[-1]))
    locators = pl.Series("locator", rows.locator)
    return Batch(pl.DataFrame(series), locators, position, tuple(defects), unread, reader.doubt)
