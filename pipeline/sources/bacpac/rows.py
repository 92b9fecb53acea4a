"""Where rows and their values begin in a piece of a data file.

Each length says where the next one is, so the way through a row is a chain. Between two values of free length all
columns are of fixed sizes, NULL or not, and one regular expression passes over them together; what it does for
a row, arithmetic over whole columns then does for the values of all rows at once.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from pipeline.sources.bacpac.layout import Field, Form
from pipeline.sources.bacpac.scalars import Bools, Ints

_NULL = 0xFF
"""Each byte of a length that says so."""
_NULLS = {size: (1 << 8 * size) - 1 for size in (1, 2, 4, 8)}
_Match = Callable[[bytes, int], re.Match[bytes] | None]


@dataclass(frozen=True, slots=True)
class Walk:
    """What a walk found: whole rows, and how much of the next one is known to be needed."""

    starts: Ints
    """Where each row begins, and where the last one ends."""
    needed: int
    """Bytes that the row after these has at least; 0 where the walk ended at as many rows as it was to find."""

    def __len__(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True)
class Cells:
    """The values of one column: where they begin, their bytes (0 for NULL), and which are not NULL."""

    starts: Ints
    lengths: Ints
    valid: Bools


class BadValue(ValueError):
    """What SQL Server cannot have written, with its row."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row


class RowShape:
    """The columns of a row, in its order."""

    def __init__(self, fields: tuple[Field, ...]) -> None:
        self.fields = fields
        self._steps = list(_steps(fields))
        self._fixed = 0 if any(field.prefix for field in fields) else sum(field.width for field in fields)

    def walk(self, content: bytes, at: int, most: int) -> Walk:
        """At most so many whole rows from a place of the content on."""
        if self._fixed:
            rows = min(most, (len(content) - at) // self._fixed)
            return Walk(at + np.arange(rows + 1, dtype=np.int64) * self._fixed, self._fixed)
        starts = [at]
        while len(starts) <= most:
            end = self._end(content, at) or self._reach(content, at)
            if end > len(content):
                return Walk(np.array(starts, np.int64), end - at)
            starts.append(at := end)
        return Walk(np.array(starts, np.int64), 0)

    def _end(self, content: bytes, at: int) -> int | None:
        """Where the row ends that begins there; None where it is not whole, or a fixed size is another."""
        size = len(content)
        for match, prefix in self._steps:
            if match is not None:
                found = match(content, at)
                if found is None:
                    return None
                at = found.end()
            if prefix:
                if at + prefix > size:
                    return None
                length = int.from_bytes(content[at : at + prefix], "little")
                at += prefix if length == _NULLS[prefix] else prefix + length
                if at > size:
                    return None
        return at

    def _reach(self, content: bytes, at: int) -> int:
        """Where the row ends if each length is right, column by column; beyond the content, what is known of that."""
        for field in self.fields:
            if at + field.prefix > len(content):
                return at + field.prefix
            length = int.from_bytes(content[at : at + field.prefix], "little") if field.prefix else field.width
            at += field.prefix if field.prefix and length == _NULLS[field.prefix] else field.prefix + length
        return at

    def cells(self, walk: Walk, content: bytes) -> Iterator[Cells]:
        """The values of each column of whole rows; raises BadValue for a length that its column cannot have."""
        seen = np.frombuffer(content, np.uint8)
        at = walk.starts[:-1]
        for field in self.fields:
            starts = at + field.prefix
            lengths, valid = _lengths(field, seen, at)
            _check(field, lengths, valid)
            yield Cells(starts, lengths, valid)
            at = starts + lengths


def _steps(fields: Sequence[Field]) -> Iterator[tuple[_Match | None, int]]:
    """What passes over the fixed sizes before each value of free length, and the bytes of that one's length."""
    pattern = b""
    for exact, group in groupby(fields, lambda field: field.exact):
        if exact:
            pattern = b"".join(map(_fixed, group))
            continue
        for field in group:
            yield (_compiled(pattern), field.prefix)
            pattern = b""
    if pattern:
        yield _compiled(pattern), 0


def _fixed(field: Field) -> bytes:
    """Its bytes; where it has a length, then NULL alone or that length before them."""
    value = b".{%d}" % field.width
    return b"(?>\\xff|\\x%02x%b)" % (field.width, value) if field.prefix else value


def _compiled(pattern: bytes) -> _Match | None:
    return re.compile(pattern, re.DOTALL).match if pattern else None


def _lengths(field: Field, seen: npt.NDArray[np.uint8], at: Ints) -> tuple[Ints, Bools]:
    """What stands at those places as length; a number of 2**63 and more turns negative, which no column allows."""
    if not field.prefix:
        return np.full(len(at), field.width, np.int64), np.ones(len(at), np.bool_)
    # After a length that no column allows, places may lie anywhere: it is raised before they count.
    raw = seen.take(at[:, None] + np.arange(field.prefix), mode="clip")
    valid: Bools = (raw != _NULL).any(axis=1)
    wide = np.zeros((len(at), 8), np.uint8)
    wide[:, : field.prefix] = raw
    return np.where(valid, wide.view("<i8")[:, 0], 0), valid


def _check(field: Field, lengths: Ints, valid: Bools) -> None:
    wrong = lengths != field.width if field.exact else (lengths > field.width) | (lengths < 0)
    if field.form is Form.TEXT:
        wrong |= lengths & 1 != 0
    for row in np.flatnonzero(wrong & valid)[:1].tolist():
        raise BadValue(row, f"says {lengths[row]:,} bytes, which no {field.type} has")
