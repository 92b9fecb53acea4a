"""Calculated columns: what Access computed is stored, each value in an envelope.

An envelope is 16 bytes of zero, the value's length (u32), the value, and room after it; length 0 is NULL,
whatever the null bitmap says. The column's own type byte says little of what lies in it (a yes/no has the number
of an Integer, a memo that of a Text): the result type is among the column's properties. Measured on two real files
of Access 2010 and 2019.
"""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import pyarrow as pa

from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.cells.scalars import flaws
from pipeline.sources.access.cells.values import Decoded, Flaw, bitmap
from pipeline.sources.access.pages.definition import ColumnDefinition
from pipeline.sources.access.pages.memory import Memory

_HEADER = 20
_LARGEST_SCALE = 28
_EXACT = Context(prec=38)


def unwrapped(memory: Memory, slices: Slices) -> tuple[Slices, tuple[Flaw, ...]]:
    """What lies in the envelopes, and those that are none."""
    enveloped = slices.valid & (slices.length >= _HEADER)
    start = np.where(enveloped, slices.start, 0)
    length = np.where(enveloped, memory.u32[np.where(enveloped, start + 16, 0)].astype(np.int64), 0)
    empty = (memory.i64[start] == 0) & (memory.i64[start + 8] == 0)
    good = enveloped & empty & (length <= slices.length - _HEADER)
    bad = slices.valid & ~good
    found = flaws(memory, slices, bad, "is not the envelope of a calculated value") if bad.any() else ()
    filled = good & (length > 0)
    inner = Slices(np.where(filled, start + _HEADER, 0), np.where(filled, length, 0), filled)
    return inner, found


def yes_no(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """One byte: in a calculated column yes/no can be NULL."""
    values = np.packbits(memory.u8[slices.start] != 0, bitorder="little")
    return Decoded(pa.Array.from_buffers(pa.bool_(), len(slices), [bitmap(slices.valid), pa.py_buffer(values)]))


def decimal_text(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """16 bytes of a Windows DECIMAL: u16 reserved, scale, sign, high 32 bits, low 64 bits.

    Each value has a scale of its own, up to 28 of 29 digits, for which no decimal type of a frame has room: as text.
    """
    texts, found = [], []
    for row in range(len(slices)):
        raw = memory.read(int(slices.start[row]), 16) if slices.valid[row] else None
        scale, sign = (raw[2], raw[3]) if raw else (0, 0)
        if scale > _LARGEST_SCALE or sign not in (0, 0x80):
            found.append(Flaw(row, "is not a decimal number", raw or b""))
            raw = None
        texts.append(raw and _spelled(raw, scale, negative=sign != 0))
    return Decoded(pa.array(texts, pa.large_string()), tuple(found))


def _spelled(raw: bytes, scale: int, *, negative: bool) -> str:
    whole = int.from_bytes(raw[4:8], "little") << 64 | int.from_bytes(raw[8:16], "little")
    return f"{Decimal(-whole if negative else whole).scaleb(-scale, _EXACT):f}"
