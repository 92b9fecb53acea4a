"""Numbers, dates and identifiers: values of a fixed size, gathered and converted whole columns at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.cells.values import Decoded, Flaw, bitmap
from pipeline.sources.access.pages.definition import ColumnDefinition
from pipeline.sources.access.pages.memory import Bools, Ints, Memory

Decoder = Callable[[Memory, Slices, ColumnDefinition], Decoded]

_EPOCH_DAYS = 25569
"""1970-01-01, counted from 1899-12-30."""
_DAY_MS = 86_400_000
_GRAINS_MS = 0.0025
"""Four grains of our times, for times without a day as well: most are the difference of two of these."""
_FIRST_MS = -683003 * _DAY_MS
_LAST_MS = 2932897 * _DAY_MS - 1
"""0100-01-01 and the end of 9999-12-31, from 1970."""
_RFC_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]
_TICKS_PER_DAY = 864_000_000_000
_LAST_DAY = 3_652_058
"""9999-12-31, counted from 0001-01-01."""


def byte(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """0 to 255."""
    return _numbers(pa.uint8(), memory.u8[slices.start], slices.valid)


def integer(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    return _numbers(pa.int16(), memory.u16[slices.start], slices.valid)


def long(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    return _numbers(pa.int32(), memory.u32[slices.start], slices.valid)


def big_integer(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    return _numbers(pa.int64(), memory.i64[slices.start], slices.valid)


def single(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    return _numbers(pa.float32(), memory.u32[slices.start], slices.valid)


def double(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    return _numbers(pa.float64(), memory.i64[slices.start], slices.valid)


def currency(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """Ten-thousandths in 64 bits, which Arrow wants in 128."""
    low = memory.i64[slices.start]
    words = np.empty((len(slices), 2), "<i8")
    words[:, 0] = low
    words[:, 1] = low >> 63
    return _numbers(pa.decimal128(19, 4), words, slices.valid)


def date_time(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """Days since 1899-12-30 as a double, the fraction counting forward on both sides of 0.

    A double of days has a grain: 0.6 microseconds in our times, 40 in the year 9999. What is within four grains of
    a millisecond stands for it; a finer fraction, which Access itself does not write, is kept to the microsecond.
    """
    raw = memory.i64[slices.start].view("<f8")
    sane = np.isfinite(raw) & (np.abs(raw) < 3e6)
    days = np.where(sane, raw, 0.0)
    whole = np.trunc(days)
    fraction = np.abs(days - whole) * _DAY_MS
    near = np.rint(fraction)
    us = near.astype(np.int64) * 1000
    fine = np.abs(fraction - near) > _GRAINS_MS
    if fine.any():
        fine &= np.abs(fraction - near) > 4 * np.spacing(np.abs(days)) * _DAY_MS
        us[fine] = np.rint(fraction[fine] * 1000).astype(np.int64)
    us += (whole.astype(np.int64) - _EPOCH_DAYS) * (_DAY_MS * 1000)
    good = sane & (us >= _FIRST_MS * 1000) & (us < (_LAST_MS + 1) * 1000)
    return _checked(memory, slices, good, pa.timestamp("us"), us, "date is outside the years 100 to 9999")


def guid(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """16 bytes; Access keeps the first three groups in little-endian order."""
    words = np.empty((len(slices), 2), "<i8")
    words[:, 0] = memory.i64[slices.start]
    words[:, 1] = memory.i64[slices.start + 8]
    return _numbers(pa.binary(16), words.view(np.uint8).reshape(-1, 16)[:, _RFC_ORDER], slices.valid)


def decimal(memory: Memory, slices: Slices, column: ColumnDefinition) -> Decoded:
    """Sign byte, then 128 bits as four little-endian words, highest first; the column has the scale."""
    w3, w2, w1, w0 = (memory.u32[slices.start + 1 + 4 * k].astype("<u8") for k in range(4))
    high, low = (w3 << np.uint64(32)) | w2, (w1 << np.uint64(32)) | w0
    limit = 10**column.precision
    limit_high, limit_low = np.uint64(limit >> 64), np.uint64(limit & (1 << 64) - 1)
    good = (high < limit_high) | ((high == limit_high) & (low < limit_low))
    negative = memory.u8[slices.start] != 0
    words = np.empty((len(slices), 2), "<u8")
    words[:, 0] = np.where(negative, ~low + np.uint64(1), low)
    words[:, 1] = np.where(negative, ~high + (low == 0), high)
    type = pa.decimal128(column.precision, column.scale)
    return _checked(memory, slices, good, type, words, f"number has more than {column.precision} digits")


def extended_date(memory: Memory, slices: Slices, _: ColumnDefinition) -> Decoded:
    """`days:ticks:7` in 19-digit decimals, both since the start: ticks of 100 ns since 0001-01-01."""
    text = memory.u8[slices.start[:, None] + np.arange(42)]
    text[~slices.valid] = _NO_EXTENDED_DATE
    digits = (text >= 0x30) & (text <= 0x39)
    form = digits[:, _DIGITS].all(axis=1) & (text[:, _MARKS] == _NO_EXTENDED_DATE[_MARKS]).all(axis=1)
    days, ticks = (_decimal(np.where(form[:, None], text[:, part], 0x30)) for part in (slice(0, 19), slice(20, 39)))
    good = form & (days >= 0) & (days <= _LAST_DAY) & (ticks >= 0) & (ticks < _TICKS_PER_DAY)
    total = np.where(good, days, 0) * _TICKS_PER_DAY + np.where(good, ticks, 0)
    return _checked(memory, slices, good, pa.int64(), total, "is not a day, a time and 7 digits")


_NO_EXTENDED_DATE = np.frombuffer(b"0" * 19 + b":" + b"0" * 19 + b":7\0", np.uint8)
_DIGITS = [*range(19), *range(20, 39)]
_MARKS = [19, 39, 40, 41]


def _decimal(digits: npt.NDArray[np.uint8]) -> Ints:
    """Rows of 19 ASCII digits as numbers: at most 10**19 - 1, so those of 2**63 and more wrap below 0."""
    return (digits - np.uint8(0x30)).astype(np.int64) @ (10 ** np.arange(18, -1, -1, dtype=np.int64))


def _numbers(type: Any, values: npt.NDArray[Any], valid: Bools) -> Decoded:
    return Decoded(_array(type, values, valid))


def _array(type: Any, values: npt.NDArray[Any], valid: Bools) -> Any:
    return pa.Array.from_buffers(type, len(valid), [bitmap(valid), pa.py_buffer(np.ascontiguousarray(values))])


def _checked(memory: Memory, slices: Slices, good: Bools, type: Any, values: npt.NDArray[Any], reason: str) -> Decoded:
    """Values of which those that are not good are NULL and flaws."""
    bad = slices.valid & ~good
    if not bad.any():
        return Decoded(_array(type, values, slices.valid))
    return Decoded(_array(type, values, slices.valid & good), flaws(memory, slices, bad, reason))


def flaws(memory: Memory, slices: Slices, bad: Bools, reason: str) -> tuple[Flaw, ...]:
    """One flaw for each bad row, with the bytes it holds."""
    at = ((row, int(slices.start[row]), int(slices.length[row])) for row in np.flatnonzero(bad).tolist())
    return tuple(Flaw(row, reason, memory.read(start, length)) for row, start, length in at)
