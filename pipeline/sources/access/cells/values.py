"""What decoding a column gives: an Arrow array, and the cells that are NULL because they could not be read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.sources.access.pages.memory import Bools, Ints


@dataclass(frozen=True, slots=True)
class Flaw:
    """A cell that is not a value of its type; the reader makes it a Defect of its column."""

    row: int
    reason: str
    raw: bytes
    replacement: str | None = None
    damaged: bool = False


@dataclass(frozen=True, slots=True)
class Decoded:
    values: Any
    """pyarrow.Array, as pyarrow has no types."""
    flaws: tuple[Flaw, ...] = ()


def bitmap(valid: Bools) -> Any:
    """Arrow validity buffer, or None when every value is valid."""
    return None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))


def joined(parts: Sequence[Decoded]) -> Decoded:
    """Decoded parts of one Arrow type, one after the other."""
    if len(parts) == 1:
        return parts[0]
    flaws, before = [], 0
    for part in parts:
        flaws += [replace(flaw, row=before + flaw.row) for flaw in part.flaws]
        before += len(part.values)
    return Decoded(pa.concat_arrays([part.values for part in parts]), tuple(flaws))


def scatter(length: int, parts: Iterable[tuple[Ints, Decoded]]) -> Decoded:
    """Put decoded parts together, each at the rows it names; rows that no part names are NULL.

    All parts have one Arrow type and no row in common.
    """
    order, known, arrays, flaws, at = np.zeros(length, np.int64), np.zeros(length, bool), [], [], 0
    for rows, part in parts:
        order[rows] = at + np.arange(len(rows))
        known[rows] = True
        at += len(rows)
        arrays.append(part.values)
        flaws += [Flaw(int(rows[flaw.row]), flaw.reason, flaw.raw, flaw.replacement) for flaw in part.flaws]
    index = pa.Array.from_buffers(pa.int64(), length, [bitmap(known), pa.py_buffer(order)])
    return Decoded(pa.concat_arrays(arrays).take(index), tuple(sorted(flaws, key=lambda flaw: flaw.row)))
