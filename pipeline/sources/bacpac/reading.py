"""From the data files of a table to batches: pieces are unpacked, walked through and decoded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.batch import Batch, Defect, Position
from pipeline.errors import DamagedSource, SourceError, UnsupportedSource
from pipeline.sources.bacpac.archive import Archive
from pipeline.sources.bacpac.columns import decode_column
from pipeline.sources.bacpac.layout import LARGEST_VALUE, Field
from pipeline.sources.bacpac.rows import BadValue, Cells, RowShape, Walk

_PIECE = 8 << 20
"""Bytes unpacked at a time, and so the most that a batch holds, but for a row that is longer by itself."""
_ROWS_AT_A_TIME = 1 << 16
"""When rows are only passed over."""


@dataclass(frozen=True, slots=True)
class TableData:
    """What is stored of one table: its columns as rows hold them, and its data files in order."""

    table: str
    fields: tuple[Field, ...]
    parts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Rows:
    """Whole rows in memory, of which the first is the `first`th of its data file."""

    content: bytes
    walk: Walk
    first: int


class TableReader:
    """Reads the rows of one table, in the order of its data files."""

    def __init__(self, archive: Archive, data: TableData) -> None:
        self._archive, self._data, self._shape = archive, data, RowShape(data.fields)

    def count(self) -> int:
        """Rows of all files, each to its exact end, with their lengths and without their values."""
        counted = 0
        for part in range(len(self._data.parts)):
            for rows in self._rows(part, 0, _ROWS_AT_A_TIME):
                for _ in self._cells(part, rows):
                    continue
                counted += len(rows.walk)
        return counted

    def batches(self, columns: tuple[str, ...], *, batch_rows: int, after: Position | None) -> Iterator[Batch]:
        """Batches of at most `batch_rows` rows and some 8 MiB. Marks are data file, rows of it, rows of the table.

        Raises DamagedSource where lengths, values or the end of a file are not what the columns make them.
        """
        first, skip, total = self._mark(after)
        for part in range(first, len(self._data.parts)):
            for rows in self._rows(part, skip if part == first else 0, batch_rows):
                frame, defects = self._frame(part, rows, columns)
                count = len(rows.walk)
                locators = pl.Series("locator", np.arange(total + 1, total + count + 1, dtype=np.int64))
                total += count
                yield Batch(frame, locators, Position([part, rows.first + count, total]), defects)
        self._archive.check_unchanged()

    def _mark(self, after: Position | None) -> tuple[int, int, int]:
        match [0, 0, 0] if after is None else after.mark:
            case [int(part), int(row), int(total)] if 0 <= part <= len(self._data.parts) and 0 <= row <= total:
                return part, row, total
            case mark:
                raise SourceError(f"{self._archive.name}: {mark!r} is no position in table {self._data.table!r}")

    # ---- rows of one data file

    def _rows(self, part: int, skip: int, most: int) -> Iterator[_Rows]:
        """All rows but the first `skip`, at most so many at a time; raises DamagedSource."""
        window = _Window(self._archive, self._data.parts[part])
        row, at, wanted = 0, 0, 1
        while window.advance(at, wanted):
            self._archive.check_unchanged()
            content, at = window.content, 0
            while len(walk := self._shape.walk(content, at, min(most, skip - row) if row < skip else most)):
                if row >= skip:
                    yield _Rows(content, walk, row)
                row, at = row + len(walk), int(walk.starts[-1])
            wanted = self._wanted(part, row, walk.needed, len(content) - at, window.left)
        if row < skip:
            raise SourceError(f"{self._archive.name}: {self._data.parts[part]} has no row {skip:,} to go on after")

    def _wanted(self, part: int, row: int, needed: int, held: int, left: int) -> int:
        """Bytes of the row that is not whole: no length makes us wait for what is not there, or hold too much."""
        if not held:
            return 1
        if needed > held + left:
            raise self._damaged(part, row, f"has {needed:,} bytes or more, and its file ends after {held + left:,}")
        if needed > LARGEST_VALUE:
            what = f"{self._archive.name}: {self._data.parts[part]}: row {row + 1:,} has {needed:,} bytes"
            raise UnsupportedSource(f"{what}, and PostgreSQL holds no value of 1 GB")
        return needed

    def _damaged(self, part: int, row: int, what: str) -> DamagedSource:
        text = f"table {self._data.table!r}, row {row + 1:,} of the file: {what}"
        return self._archive.damaged(text, part=self._data.parts[part])

    def _cells(self, part: int, rows: _Rows) -> Iterator[tuple[Field, Cells]]:
        """Each column's values, in the order of the row."""
        cells = self._shape.cells(rows.walk, rows.content)
        for field in self._data.fields:
            with self._placing(part, rows, field):
                found = next(cells)
            yield field, found

    def _frame(self, part: int, rows: _Rows, columns: tuple[str, ...]) -> tuple[pl.DataFrame, tuple[Defect, ...]]:
        series, defects, wanted = {}, [], set(columns)
        for field, cells in self._cells(part, rows):
            if field.column not in wanted:
                continue
            with self._placing(part, rows, field):
                values, flaws = decode_column(field, cells, rows.content)
            series[field.column] = pl.Series(field.column, pl.from_arrow(values))
            defects += [Defect(flaw.row, field.column, flaw.reason, flaw.raw, flaw.replacement) for flaw in flaws]
        return pl.DataFrame([series[name] for name in columns]), tuple(defects)

    @contextmanager
    def _placing(self, part: int, rows: _Rows, field: Field) -> Iterator[None]:
        """Say of a bad value where it is."""
        try:
            yield
        except BadValue as error:
            raise self._damaged(part, rows.first + error.row, f"column {field.column!r} {error}") from error


class _Window:
    """What is held of a data file while it passes by."""

    def __init__(self, archive: Archive, part: str) -> None:
        self._pieces = archive.pieces(part, piece_bytes=_PIECE)
        self.content = b""
        self.left = archive.part_bytes(part)
        """Bytes that are still to come."""

    def advance(self, at: int, wanted: int) -> bool:
        """Let go of what lies before a place, and read on until so much is held; False at the end."""
        held = [self.content[at:]]
        size = len(held[0])
        while size < wanted or len(held) == 1:
            piece = next(self._pieces, b"")
            if not piece:
                return False
            held.append(piece)
            size += len(piece)
            self.left -= len(piece)
        self.content = b"".join(held)
        return True
