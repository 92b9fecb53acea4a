"""A damaged table read as far as it honestly can be: what cannot be read is named, place by place.

The vectorised reader stays as it is and raises at the first damage among many pages, rows or values. Here those
are then read again in halves, down to the one that is damaged. Each page, row and value is judged alone, so that
neither the batch size nor where a run was resumed changes what becomes of it.

Nothing in the file says that bytes are right: a scribble that leaves a page well-formed reads as other values.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pyarrow as pa

from pipeline.batch import Unread, Unreadable
from pipeline.errors import DamagedSource, SourceError
from pipeline.sources.access.cells.columns import ColumnReader
from pipeline.sources.access.cells.fields import Fields
from pipeline.sources.access.cells.values import Decoded, Flaw, joined
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.pages.extent import extent, reason
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.halving import halved
from pipeline.sources.access.pages.memory import Ints
from pipeline.sources.access.pages.rows import Rows, Slots, live_slots, rows_in

T = TypeVar("T")

_RAW_BYTES = 1024
"""Of an unread place, kept in the quarantine."""
_MOST_FOLLOWED = 256
"""Pieces of long values that a reading may follow per page of the file. Sound chains have a few on a page, and are
followed again for each halving; chains that rows share would keep the reader busy for hours."""


class Salvage:
    """Reads a table of a damaged file: rows, and in their order the places that cannot be read.

    A place is a row without bytes until `part` takes it out again, so that cutting and resuming need not know of it.
    """

    def __init__(
        self, file: AccessFile, table: TableDefinition, columns: tuple[ColumnDefinition, ...], codec: str
    ) -> None:
        self._file, self._table, self._columns, self._codec = file, table, columns, codec
        self._extent = extent(file, table)
        self._unread: dict[int, Unread] = {}
        self._most_followed = file.followed + _MOST_FOLLOWED * file.pages

    @property
    def pages(self) -> Ints:
        return self._extent.pages

    @property
    def doubt(self) -> str | None:
        return self._extent.doubt

    def begin(self, last: int) -> tuple[Rows, Ints]:
        """What stands before all pages."""
        flaw = self._extent.flaw
        return self._among(Rows.none(), np.zeros(0, np.int64), [flaw] if flaw else [], last)

    def find(self, window: Ints, last: int) -> tuple[Rows, Ints]:
        """Rows and unread places on some pages behind a locator, and their bytes."""
        lost: list[Unread] = []
        rows = self._rows(self._slots(window, lost), last, lost)
        sizes = self._sizes(rows)
        fits = sizes <= self._file.size  # values do not share bytes
        for index in np.flatnonzero(~fits).tolist():
            lost.append(self._lost_row(rows, index, self._file.damaged("claims more bytes than the file has")))
        rows = rows.where(fits)
        return self._among(rows, sizes[fits] + self._unpacked(rows), lost, last)

    def part(self, rows: Rows) -> tuple[Rows, tuple[Unread, ...]]:
        """The rows of a batch without the unread places among them."""
        if not self._unread:
            return rows, ()
        is_unread = np.isin(rows.locator, list(self._unread))
        unread = tuple(self._unread.pop(locator) for locator in rows.locator[is_unread].tolist())
        return rows.where(~is_unread), unread

    def decoder(self, rows: Rows) -> Callable[[ColumnDefinition], Decoded]:
        """Decodes a column of the rows; a value that damage took is NULL, and a flaw."""
        whole = self._reader(rows)

        def decode(column: ColumnDefinition) -> Decoded:
            def lose(index: int, error: DamagedSource) -> Decoded:
                return self._lost_value(rows.where(slice(index, index + 1)), column, error)

            return joined(self._halved(whole, rows, lambda reader: reader.decode(column), lose))

        return decode

    def end(self) -> None:
        """Nothing more is to be said: what was lost has been."""

    # ---- pages, rows and values, each halved until the damage is alone

    def _slots(self, window: Ints, lost: list[Unread]) -> Slots:
        def read(part: slice) -> Slots:
            return live_slots(self._file, self._table, window[part], only_own=self._extent.only_own)

        def lose(index: int, error: DamagedSource) -> Slots:
            page = int(window[index])
            detail = self._detail(f"page {page}", error)
            raw = self._file.memory.read(page * self._file.format.page_size, _RAW_BYTES)
            lost.append(Unread(page << 8, Unreadable.PAGE, detail, raw))
            return Slots.none()

        found = Slots.together(list(halved(read, len(window), lose)))
        lost += [self._misfit(page) for page in np.intersect1d(window, self._extent.misfits).tolist()]
        return found

    def _misfit(self, page: int) -> Unread:
        """Stands behind the rows that the page counts, which are read."""
        at, form = page * self._file.format.page_size, self._file.format
        count = int(self._file.memory.u16[at + form.row_count])
        detail = f"page {page}: its count of {count} rows does not fit its free space, so that it may lack rows"
        return Unread(page << 8 | count, Unreadable.PAGE, detail, self._file.memory.read(at, _RAW_BYTES))

    def _rows(self, slots: Slots, last: int, lost: list[Unread]) -> Rows:
        slots = slots.where(slots.rows.locator > last)

        def read(part: slice) -> Rows:
            rows = rows_in(self._file, self._table, slots.where(part))
            self._reader(rows)  # which raises for a row that has no room for values
            return rows

        def lose(index: int, error: DamagedSource) -> Rows:
            lost.append(self._lost_row(slots.rows, index, error))
            return Rows.none()

        return Rows.together(list(halved(read, len(slots), lose)))

    def _sizes(self, rows: Rows) -> Ints:
        """Bytes of each row and of its long values, without those whose header is damaged."""
        whole, total = self._reader(rows), rows.end - rows.start
        for column in self._columns:
            total = total + np.concatenate(self._outside(whole, rows, column))
        return total

    def _unpacked(self, rows: Rows) -> Ints:
        none = np.zeros(1, np.int64)
        read = self._halved(
            self._reader(rows), rows, lambda reader: reader.unpacked(self._columns), lambda _row, _error: none
        )
        return np.concatenate(read)

    def _outside(self, whole: ColumnReader, rows: Rows, column: ColumnDefinition) -> list[Ints]:
        none = np.zeros(1, np.int64)
        return self._halved(whole, rows, lambda reader: reader.outside(column), lambda _row, _error: none)

    def _halved(
        self,
        whole: ColumnReader,
        rows: Rows,
        read: Callable[[ColumnReader], T],
        lose: Callable[[int, DamagedSource], T],
    ) -> list[T]:
        def read_part(part: slice) -> T:
            reader = whole if part == slice(0, len(rows)) else self._reader(rows.where(part))
            found = read(reader)
            self._check_followed()
            return found

        return list(halved(read_part, len(rows), lose))

    def _reader(self, rows: Rows) -> ColumnReader:
        return ColumnReader(self._file, self._table, rows, self._codec)

    # ---- what is lost

    def _among(self, rows: Rows, sizes: Ints, lost: list[Unread], last: int) -> tuple[Rows, Ints]:
        lost = [unread for unread in lost if unread.locator > last]
        if not lost:
            return rows, sizes
        self._unread |= {unread.locator: unread for unread in lost}
        nowhere, at = np.zeros(len(lost), np.int64), np.array([unread.locator for unread in lost], np.int64)
        both = rows.then(Rows(nowhere, nowhere, at))
        order = np.argsort(both.locator)
        return both.where(order), np.concatenate([sizes, [len(unread.raw) for unread in lost]])[order]

    def _lost_row(self, rows: Rows, index: int, error: DamagedSource) -> Unread:
        locator, start, end = int(rows.locator[index]), int(rows.start[index]), int(rows.end[index])
        detail = self._detail(f"page {locator >> 8}, row {locator & 0xFF}", error)
        raw = self._file.memory.read(start, min(max(end - start, 0), _RAW_BYTES))
        return Unread(locator, Unreadable.ROW, detail, raw)

    def _lost_value(self, row: Rows, column: ColumnDefinition, error: DamagedSource) -> Decoded:
        try:
            slices = Fields(self._file, self._table, row).slices(column, None)
            start, length = int(slices.start[0]), int(slices.length[0])
        except DamagedSource:
            start, length = int(row.start[0]), int(row.end[0] - row.start[0])
        raw = self._file.memory.read(start, min(length, _RAW_BYTES))
        type = self._reader(Rows.none()).decode(column).values.type
        flaw = Flaw(0, reason(self._file, self._table.name, error), raw, damaged=True)
        return Decoded(pa.nulls(1, type), (flaw,))

    def _detail(self, place: str, error: DamagedSource) -> str:
        return f"{place}: {reason(self._file, self._table.name, error).removeprefix(f'{place}: ')}"

    def _check_followed(self) -> None:
        if self._file.followed > self._most_followed:
            raise SourceError(
                f"{self._file.name}: table {self._table.name!r}: its long values are chained so often that they share"
                " pieces, which no sound file does",
                hint="skip its Memo and OLE columns in the mapping, or leave the table out with --tables",
            )
