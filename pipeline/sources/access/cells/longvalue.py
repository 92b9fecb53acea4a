"""Memo and OLE values: twelve bytes in the row say where the value is, inline, in one row or in a chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from pipeline.errors import DamagedSource
from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.format import LONG_VALUE_OWNER
from pipeline.sources.access.pages.memory import Bools, Ints, Memory
from pipeline.sources.access.pages.rows import Rows, pointed

_HEADER, _POINTER = 12, 4
_LENGTH = 0x3FFFFFFF
_CHAIN, _ONE_ROW = 0, 1
"""Top two bits of the length; both others mean inline."""


@dataclass(frozen=True, slots=True)
class Chained:
    """Values put together from chains: their rows, and slices of a memory of their own."""

    rows: Ints
    memory: Memory
    slices: Slices


class LongValues:
    """Long values of one column of some rows, before and after following their pointers.

    Raises DamagedSource for a pointer that leads nowhere or a value shorter than its header says.
    """

    def __init__(self, file: AccessFile, table: str, column: str, rows: Rows, headers: Slices) -> None:
        self._file, self._table, self._column, self._rows = file, table, column, rows
        # Nothing at all in the row stands for NULL, though the null bitmap says otherwise.
        self._valid = headers.valid & (headers.length > 0)
        short = self._valid & (headers.length < _HEADER)
        if short.any():
            raise self._damaged(short, "has no header")
        self._headers = headers
        at = np.where(self._valid, headers.start, 0)
        word = file.memory.u32[at]
        self._kind = (word >> 30).astype(np.int64)
        self.lengths: Ints = np.where(self._valid, word & _LENGTH, 0).astype(np.int64)
        """Bytes of each value as its header says."""
        self.outside: Ints = np.where(self._kind > _ONE_ROW, 0, self.lengths)
        """The same, without values that lie in the row itself."""
        if (self.lengths > file.size).any():
            raise self._damaged(self.lengths > file.size, "is longer than the file")

    def resolve(self) -> tuple[Slices, Chained | None]:
        """Slices of the values that lie in one piece (others not valid), and the chained ones put together."""
        chained = self._valid & (self._kind == _CHAIN) & (self.lengths > 0)
        start, inline = self._headers.start + _HEADER, self._kind > _ONE_ROW
        over = inline & self._valid & (self.lengths > self._headers.length - _HEADER)
        if over.any():
            raise self._damaged(over, "ends before its length")
        alone = np.flatnonzero(self._valid & (self._kind == _ONE_ROW) & (self.lengths > 0))
        if len(alone):
            start[alone] = self._single(alone)
        valid = self._valid & ~chained
        start = np.where(valid & (self.lengths > 0), start, 0)
        whole = Slices(start, np.where(valid, self.lengths, 0), valid)
        return whole, self._chained(np.flatnonzero(chained)) if chained.any() else None

    def number(self, *, at: int) -> Ints:
        """The u32 at an offset of each value's first piece: any number for a value that does not reach so far."""
        start = self._headers.start + _HEADER
        elsewhere = np.flatnonzero(self._valid & (self._kind <= _ONE_ROW) & (self.lengths > 0))
        pointer = self._file.memory.u32[self._headers.start[elsewhere] + 4].astype(np.int64)
        first, _, _ = pointed(self._file, pointer, LONG_VALUE_OWNER, self._table)
        start[elsewhere] = first + np.where(self._kind[elsewhere] == _CHAIN, _POINTER, 0)
        reached = self._valid & (self.lengths >= at + 4)
        place = np.minimum(start + at, len(self._file.memory.u32) - 1)
        return np.where(reached, self._file.memory.u32[place], 0).astype(np.int64)

    def _single(self, alone: Ints) -> Ints:
        pointer = self._file.memory.u32[self._headers.start[alone] + 4].astype(np.int64)
        start, end, _ = pointed(self._file, pointer, LONG_VALUE_OWNER, self._table)
        if (end - start < self.lengths[alone]).any():
            raise self._damaged_at(int(alone[(end - start < self.lengths[alone]).argmax()]), "ends before its length")
        return start

    def _chained(self, rows: Ints) -> Chained:
        """Each piece is copied once, to where it stays: a value may be a tenth of the largest file."""
        length = self.lengths[rows]
        start = np.cumsum(length) - length
        content = bytearray(int(length.sum()) + 16)  # padded, as gathering reads whole words
        for row, at in zip(rows.tolist(), start.tolist(), strict=True):
            for piece in self._chain(row):
                content[at : at + len(piece)] = piece
                at += len(piece)
        return Chained(rows, Memory(content), Slices(start, length, np.ones(len(rows), bool)))

    def _chain(self, row: int) -> Iterator[bytes]:
        """Pieces of a value, each a row of its own: pointer to the next, then data."""
        pointer = int(self._file.memory.u32[int(self._headers.start[row]) + 4])
        missing, seen = int(self.lengths[row]), set()
        while missing > 0:
            if pointer == 0 or pointer in seen:
                raise self._damaged_at(row, "ends before its length" if pointer == 0 else "runs in a circle")
            seen.add(pointer)
            content = self._file.row(pointer, table=self._table, owner=LONG_VALUE_OWNER)
            if len(content) <= _POINTER:
                raise self._damaged_at(row, "has an empty piece")
            pointer = int.from_bytes(content[:_POINTER], "little")
            piece = content[_POINTER : _POINTER + missing]
            yield piece
            missing -= len(piece)

    def _damaged(self, bad: Bools, what: str) -> DamagedSource:
        return self._damaged_at(int(bad.argmax()), what)

    def _damaged_at(self, row: int, what: str) -> DamagedSource:
        locator = int(self._rows.locator[row])
        what = f"long value of column {self._column!r} {what}"
        return self._file.damaged(what, table=self._table, page=locator >> 8, row=locator & 0xFF)
