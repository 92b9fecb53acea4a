"""Where the values of a row are: null bitmap, fixed part and offsets of variable columns.

A row is: column count | fixed values | variable values | their end offset and offsets, last first |
count of variable columns | null bitmap. Jet 3 has one-byte offsets and, before the count, a jump
table that says from which variable column on to add 256.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.errors import DamagedSource
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.memory import Bools, Ints
from pipeline.sources.access.pages.rows import Rows


@dataclass(frozen=True, slots=True)
class Slices:
    """The bytes of one column, row by row. `start` is inside the memory and `length` 0 where not valid."""

    start: Ints
    length: Ints
    valid: Bools

    def __len__(self) -> int:
        return len(self.start)

    def where(self, keep: Bools | Ints) -> Slices:
        return Slices(self.start[keep], self.length[keep], self.valid[keep])


class Fields:
    """Slices of any column of some rows; raises DamagedSource for a value that leaves its row."""

    def __init__(self, file: AccessFile, table: TableDefinition, rows: Rows) -> None:
        self._file, self._table, self._rows = file, table, rows
        self._head = file.format.count_size
        self._count = self._numbers(rows.start)
        self._bitmap = rows.end - ((self._count + 7) >> 3)
        self._refuse(self._bitmap < rows.start + self._head, "has a null bitmap larger than itself")
        self._least_room = int((self._bitmap - rows.start).min()) if len(rows) else 0
        self._least_count = int(self._count.min()) if len(rows) else 0
        self._bitmap_bytes: dict[int, npt.NDArray[np.uint8]] = {}
        self._offsets: _Offsets | None = None

    def _numbers(self, at: Ints) -> Ints:
        memory = self._file.memory
        return (memory.u16 if self._file.format.wide else memory.u8)[at].astype(np.int64)

    def present(self, number: int) -> Bools:
        """Rows whose bit for the column is set; a row written before the column was added has none."""
        byte = number >> 3
        if byte not in self._bitmap_bytes:
            at = self._bitmap + byte
            inside = at if number < self._least_count else np.minimum(at, self._rows.end - 1)
            self._bitmap_bytes[byte] = self._file.memory.u8[inside]
        bits: Bools = (self._bitmap_bytes[byte] & (1 << (number & 7))) != 0
        return bits if number < self._least_count else bits & (number < self._count)

    def slices(self, column: ColumnDefinition, size: int | None) -> Slices:
        """Where the column's values are; `size` is that of a fixed column, None is the declared length."""
        valid = self.present(column.number)
        if column.fixed:
            return self._fixed(column, column.length if size is None else size, valid)
        return self._variable(column, valid)

    def _fixed(self, column: ColumnDefinition, size: int, valid: Bools) -> Slices:
        offset = self._head + column.offset
        start = self._rows.start + offset
        if offset + size > self._least_room:
            self._refuse(valid & (start + size > self._bitmap), f"ends before column {column.name!r}")
            start = np.where(valid, start, self._rows.start)
        return Slices(start, np.where(valid, size, 0), valid)

    def _variable(self, column: ColumnDefinition, valid: Bools) -> Slices:
        if not self._table.variable_columns:
            self._refuse(valid, f"has no place for column {column.name!r}")
            return Slices(self._rows.start, np.zeros(len(self._rows), np.int64), valid)
        if self._offsets is None:
            self._offsets = _Offsets(self._file, self._rows, self._bitmap)
        offsets, index = self._offsets, column.variable
        first, last = offsets.at(index), offsets.at(index + 1)
        bad = (first > last) | (first < self._head) | (last > offsets.room) | (index >= offsets.count)
        if bad.any():
            self._refuse(bad & valid, f"has column {column.name!r} outside itself")
        if bad.any() or not valid.all():
            first = np.where(valid, first, 0)
            return Slices(self._rows.start + first, np.where(valid, last - first, 0), valid)
        return Slices(self._rows.start + first, last - first, valid)

    def _refuse(self, bad: Bools, what: str) -> None:
        if bad.any():
            raise self.damaged(bad, what)

    def damaged(self, bad: Bools, what: str) -> DamagedSource:
        locator = int(self._rows.locator[bad][0])
        return self._file.damaged(what, table=self._table.name, page=locator >> 8, row=locator & 0xFF)


class _Offsets:
    """The variable part of rows: count, space that values may take, and offset by index.

    Positions are kept inside the row, so that garbage in a row without the column reads as some
    number; the caller refuses it where a value is claimed.
    """

    def __init__(self, file: AccessFile, rows: Rows, bitmap: Ints) -> None:
        self._memory, self._wide, self._start = file.memory, file.format.wide, rows.start
        if self._wide:
            self.count = file.memory.u16[np.maximum(bitmap - 2, rows.start)].astype(np.int64)
            self._top = bitmap - 4
            self.room = self._top - 2 * self.count - rows.start
        else:
            self.count = file.memory.u8[np.maximum(bitmap - 1, rows.start)].astype(np.int64)
            jumps = (rows.end - rows.start - 1) // 256
            self._top = bitmap - 2 - jumps
            # The last may be a dummy: when the offsets begin before the 256 bytes that it would add.
            used = np.where((self._top - rows.start - self.count) // 256 < jumps, jumps - 1, jumps)
            self._jumps = _jumps(file, rows, bitmap, used)
            self.room = self._top - self.count - rows.start
        self._known: dict[int, Ints] = {}

    def at(self, index: int) -> Ints:
        """Offset from the row's start of a variable value; `count` gives the end of the last."""
        if index not in self._known:
            self._known[index] = self._wide_at(index) if self._wide else self._narrow_at(index)
        return self._known[index]

    def _wide_at(self, index: int) -> Ints:
        return self._memory.u16[np.maximum(self._top - 2 * index, self._start)].astype(np.int64)

    def _narrow_at(self, index: int) -> Ints:
        low = self._memory.u8[np.maximum(self._top - index, self._start)].astype(np.int64)
        position: Ints = low + 256 * (self._jumps <= index).sum(axis=1)
        return position


_NO_JUMP = 1 << 8


def _jumps(file: AccessFile, rows: Rows, bitmap: Ints, count: Ints) -> Ints:
    """Rows x jumps: from which variable column on each jump counts; `_NO_JUMP` where there is none."""
    entry = np.arange(max(int(count.max(initial=0)), 0))
    at = np.maximum(bitmap[:, None] - 2 - entry, rows.start[:, None])
    return np.where(entry < count[:, None], file.memory.u8[at].astype(np.int64), _NO_JUMP)
