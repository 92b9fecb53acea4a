"""Text of a .bacpac, which is UTF-16 whatever the column's collation: decoded strictly, whole columns at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.bacpac.scalars import Bools

_UTF_16 = "utf-16-le"
_ALONE = "holds half of a UTF-16 pair"


@dataclass(frozen=True, slots=True)
class Flaw:
    """A text that is no Unicode; its cell is NULL."""

    row: int
    reason: str
    raw: bytes
    replacement: str


def text_array(cells: Sequence[bytes | memoryview], valid: Bools) -> tuple[Any, tuple[Flaw, ...]]:
    """large_string array of UTF-16 cells of even length, one for each row, empty where it is not valid."""
    joined = b"".join(cells)
    lengths = np.fromiter(map(len, cells), np.int64, len(cells))
    try:
        content = joined.decode(_UTF_16).encode()
        starts = _utf_8_offsets(np.frombuffer(joined, "<u2"), lengths // 2)
    except UnicodeError:
        return _one_by_one(cells, valid)
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    array = pa.Array.from_buffers(pa.large_string(), len(cells), [mask, pa.py_buffer(starts), pa.py_buffer(content)])
    return array, ()


def _utf_8_offsets(units: npt.NDArray[np.uint16], lengths: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Where each text begins in UTF-8; raises UnicodeError where one ends within a pair and the next goes on."""
    surrogate = (units & 0xF800) == 0xD800
    ends = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    starts = ends[:-1][lengths > 0]
    if surrogate.any() and ((units[starts] & 0xFC00) == 0xDC00).any():
        raise UnicodeError
    sizes = np.ones(len(units), np.int8)
    sizes += units >= 0x80
    sizes += units >= 0x800
    sizes -= surrogate  # two units of two bytes each
    offsets = np.zeros(len(units) + 1, np.int64)
    np.cumsum(sizes, out=offsets[1:])
    return offsets[ends]


def _one_by_one(cells: Sequence[bytes | memoryview], valid: Bools) -> tuple[Any, tuple[Flaw, ...]]:
    texts: list[str | None] = []
    flaws = []
    for row, (cell, present) in enumerate(zip(map(bytes, cells), valid.tolist(), strict=True)):
        try:
            texts.append(cell.decode(_UTF_16) if present else None)
        except UnicodeError:
            texts.append(None)
            flaws.append(Flaw(row, _ALONE, cell, cell.decode(_UTF_16, "replace")))
    return pa.array(texts, pa.large_string()), tuple(flaws)
