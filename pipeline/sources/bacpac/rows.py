"""Where rows and their values begin: the walk from length to length through a piece of a data file."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipeline.sources.bacpac.layout import Field, Form
from pipeline.sources.bacpac.scalars import Bools, Ints

_LENGTHS = {4: struct.Struct("<I"), 8: struct.Struct("<Q")}
_NULL = {1: 0xFF, 2: 0xFFFF, 4: 0xFFFF_FFFF, 8: 0xFFFF_FFFF_FFFF_FFFF}


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk found: whole rows, and how much of the next one is known to be needed."""

    places: Ints
    """Rows x prefixed columns: where each length begins."""
    starts: Ints
    """Where each row begins, and where the last one ends."""
    needed: int
    """Bytes that the row after these has at least."""

    def __len__(self) -> int:
        return len(self.starts) - 1


class RowShape:
    """The columns of a row as steps: bytes to pass over, then a length to read."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self._steps: list[tuple[int, int]] = []
        self._before: list[int] = []
        """Of each column: bytes without a length since the last value that had one."""
        passed = 0
        for field in fields:
            self._before.append(passed)
            if field.prefix:
                self._steps.append((passed, field.prefix))
                passed = 0
            else:
                passed += field.width
        self._rest = passed

    def walk(self, content: bytes, at: int, most: int) -> Walk:
        """At most so many whole rows from a place of the content on. Lengths are taken as they are."""
        if not self._steps:
            rows = min(most, (len(content) - at) // self._rest)
            even = at + np.arange(rows + 1, dtype=np.int64) * self._rest
            return Walk(np.zeros((rows, 0), np.int64), even, self._rest)
        places: list[int] = []
        starts = [at]
        end = self._walk(content, most, places, starts)
        rows, steps = len(starts) - 1, len(self._steps)
        found = np.array(places[: rows * steps], np.int64).reshape(rows, steps)
        return Walk(found, np.array(starts, np.int64), end - starts[-1])

    def _walk(self, content: bytes, most: int, places: list[int], starts: list[int]) -> int:
        """Fill in places and starts; returns how far the row reaches that is not whole.

        Every length of the rows is read here one by one, as each says where the next one is. So it is the
        innermost loop of all reading, and written out for the two lengths that nearly all columns have.
        """
        at, end, steps, rest = starts[0], len(content), self._steps, self._rest
        try:
            while len(starts) <= most:
                for passed, prefix in steps:
                    at += passed
                    places.append(at)
                    if prefix == 1:
                        length = content[at]
                        at += 1 if length == 0xFF else 1 + length
                    elif prefix == 2:
                        length = content[at] | content[at + 1] << 8
                        at += 2 if length == 0xFFFF else 2 + length
                    else:
                        length = _LENGTHS[prefix].unpack_from(content, at)[0]
                        at += prefix if length == _NULL[prefix] else prefix + length
                at += rest
                if at > end:
                    return at
                starts.append(at)
        except (IndexError, struct.error):
            return at + prefix  # the length itself is beyond the end
        return at

    def lengths(self, walk: Walk, content: npt.NDArray[np.uint8], at: int) -> tuple[Ints, Bools]:
        """Of the column at that place, a length for each row (0 for NULL), and which are not NULL."""
        field, rows = self.fields[at], len(walk)
        if not field.prefix:
            return np.full(rows, field.width, np.int64), np.ones(rows, np.bool_)
        raw = content[walk.places[:, self._step(at), None] + np.arange(field.prefix)]
        wide = np.zeros((rows, 8), np.uint8)
        wide[:, : field.prefix] = raw
        valid: Bools = (raw != 0xFF).any(axis=1)
        # A length of 2**63 and more turns negative, which no column allows either.
        return np.where(valid, wide.view("<i8")[:, 0], 0), valid

    def values(self, walk: Walk, content: npt.NDArray[np.uint8], at: int) -> Ints:
        """Where the values of the column at that place begin; for NULL, where they would."""
        field = self.fields[at]
        if field.prefix:
            return walk.places[:, self._step(at)] + field.prefix
        before = next((i for i in range(at - 1, -1, -1) if self.fields[i].prefix), None)
        if before is None:
            return walk.starts[:-1] + self._before[at]
        lengths, _ = self.lengths(walk, content, before)
        return self.values(walk, content, before) + lengths + self._before[at]

    def misfit(self, walk: Walk, content: npt.NDArray[np.uint8]) -> tuple[int, str] | None:
        """A row with a length that its column cannot have, where there is one: the walk has lost its way before it."""
        for at, field in enumerate(self.fields):
            if not field.prefix:
                continue
            lengths, valid = self.lengths(walk, content, at)
            wrong = lengths != field.width if field.exact else (lengths > field.width) | (lengths < 0)
            if field.form is Form.TEXT:
                wrong |= lengths & 1 != 0
            for row in np.flatnonzero(wrong & valid)[:1].tolist():
                return row, f"column {field.column!r} says {lengths[row]:,} bytes, which no {field.type} has"
        return None

    def _step(self, at: int) -> int:
        return sum(bool(field.prefix) for field in self.fields[:at])
