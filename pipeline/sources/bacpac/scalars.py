"""Values of a fixed size in BCP's native form, whole columns at a time.

The forms of the values are those of the wire protocol, MS-TDS 2.2.5.5.1, with two differences: money is its high half
first, as real files show, and times are of scale 7 whatever the column's, since bcp does not store the scale
(learn.microsoft.com, Bulk Copy Changes for Enhanced Date and Time Types).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Raw = npt.NDArray[np.uint8]
"""One row of bytes per value."""
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Args = tuple[int, ...]
Values = tuple[npt.NDArray[Any], Bools | None]
"""As the Arrow type lays them out, and which can be what they claim (None: each can)."""

_TICKS_PER_DAY = 864_000_000_000
_LAST_DAY = 3_652_058
"""9999-12-31, counted from 0001-01-01."""
_UNIX_DAY = 719_162
"""1970-01-01, counted from 0001-01-01."""
_DAY_1900 = 693_595
"""1900-01-01, counted from 0001-01-01."""
_FIRST_DATETIME_DAY = -53_690
"""1753-01-01, counted from 1900-01-01."""
_DAY_US = 86_400_000_000
_FURTHEST_OFFSET = 14 * 60
"""Minutes."""
_ZONED = pa.struct([("ticks", pa.int64()), ("offset", pa.int16())])
_RFC_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]


@dataclass(frozen=True, slots=True)
class Scalar:
    """How values of one type lie in `width` bytes, and what they become."""

    width: int
    arrow: Callable[[Args], Any]
    read: Callable[[Raw, Args], Values]


def arrow_array(scalar: Scalar, values: npt.NDArray[Any], valid: Bools, args: Args) -> Any:
    """pyarrow.Array of the values, NULL where they are not valid."""
    type = scalar.arrow(args)
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    if values.dtype.names:
        parts = [pa.array(values[name]) for name in values.dtype.names]
        return pa.Array.from_buffers(type, len(valid), [mask], children=parts)
    if type == pa.bool_():
        values = np.packbits(values, bitorder="little")
    return pa.Array.from_buffers(type, len(valid), [mask, pa.py_buffer(np.ascontiguousarray(values))])


def _as(dtype: str) -> Callable[[Raw, Args], Values]:
    return lambda raw, _: (_view(raw, dtype), None)


def _view(raw: Raw, dtype: str) -> npt.NDArray[Any]:
    return np.ascontiguousarray(raw).view(dtype)[:, 0]


def _number(raw: Raw) -> Ints:
    """Little-endian unsigned numbers of less than 8 bytes."""
    wide = np.zeros((len(raw), 8), np.uint8)
    wide[:, : raw.shape[1]] = raw
    return _view(wide, "<i8")


def _bit(raw: Raw, _: Args) -> Values:
    return raw[:, 0] != 0, raw[:, 0] <= 1


def _halves(low: npt.NDArray[Any], high: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """128-bit numbers of Arrow."""
    words = np.empty((len(low), 2), "<i8")
    words[:, 0], words[:, 1] = low.view("<i8"), high.view("<i8")
    return words


def _money(raw: Raw, _: Args) -> Values:
    amount = (_view(raw[:, :4], "<i4").astype(np.int64) << 32) | _view(raw[:, 4:], "<u4")
    return _halves(amount, amount >> 63), None


def _small_money(raw: Raw, _: Args) -> Values:
    amount = _view(raw, "<i4").astype(np.int64)
    return _halves(amount, amount >> 63), None


def _decimal(raw: Raw, args: Args) -> Values:
    """Precision, scale, 1 for a number that is not negative, 16 bytes of magnitude."""
    precision, scale = args
    low, high = _view(raw[:, 3:11], "<u8"), _view(raw[:, 11:19], "<u8")
    limit = 10**precision
    limit_high, limit_low = np.uint64(limit >> 64), np.uint64(limit & (1 << 64) - 1)
    good = (high < limit_high) | ((high == limit_high) & (low < limit_low))
    good &= (raw[:, 0] == precision) & (raw[:, 1] == scale) & (raw[:, 2] <= 1)
    negative = raw[:, 2] == 0
    low, high = np.where(negative, ~low + np.uint64(1), low), np.where(negative, ~high + (low == 0), high)
    return _halves(low, high), good


def _date(raw: Raw, _: Args) -> Values:
    days = _number(raw)
    return (days - _UNIX_DAY).astype(np.int32), days <= _LAST_DAY


def _datetime(raw: Raw, _: Args) -> Values:
    """Days since 1900 and 300ths of a second, which SQL Server shows as .000, .003 and .007."""
    days, ticks = _view(raw[:, :4], "<i4").astype(np.int64), _view(raw[:, 4:], "<u4").astype(np.int64)
    good = (days >= _FIRST_DATETIME_DAY) & (days + _DAY_1900 <= _LAST_DAY) & (ticks < 300 * 86_400)
    return (days + _DAY_1900 - _UNIX_DAY) * _DAY_US + (10 * ticks + 1) // 3 * 1000, good


def _small_datetime(raw: Raw, _: Args) -> Values:
    days, minutes = _view(raw[:, :2], "<u2").astype(np.int64), _view(raw[:, 2:], "<u2").astype(np.int64)
    return (days + _DAY_1900 - _UNIX_DAY) * _DAY_US + minutes * 60_000_000, minutes < 24 * 60


def _time(raw: Raw, args: Args) -> tuple[Ints, Bools]:
    """Ticks of 100 ns since midnight; a digit behind the column's scale would mean that they are none."""
    ticks = _number(raw)
    return ticks, (ticks < _TICKS_PER_DAY) & (ticks % 10 ** (7 - args[0]) == 0)


def _date_time_2(raw: Raw, args: Args) -> tuple[Ints, Bools]:
    """Time and date, to ticks of 100 ns since 0001-01-01."""
    (ticks, timely), days = _time(raw[:, :5], args), _number(raw[:, 5:8])
    return days * _TICKS_PER_DAY + ticks, timely & (days <= _LAST_DAY)


def _date_time_offset(raw: Raw, args: Args) -> Values:
    """Time and date of UTC, then the minutes that the local time is ahead of it."""
    ticks, good = _date_time_2(raw, args)
    values = np.empty(len(raw), [("ticks", "<i8"), ("offset", "<i2")])
    values["ticks"], values["offset"] = ticks, _view(raw[:, -2:], "<i2")
    return values, good & (np.abs(values["offset"].astype(np.int64)) <= _FURTHEST_OFFSET)


def _guid(raw: Raw, _: Args) -> Values:
    """The first three groups are little-endian."""
    return raw[:, _RFC_ORDER], None


def _of(width: int, arrow: Any, read: Callable[[Raw, Args], Values]) -> Scalar:
    return Scalar(width, lambda _: arrow, read)


SCALARS = {
    "bit": _of(1, pa.bool_(), _bit),
    "tinyint": _of(1, pa.uint8(), _as("u1")),
    "smallint": _of(2, pa.int16(), _as("<i2")),
    "int": _of(4, pa.int32(), _as("<i4")),
    "bigint": _of(8, pa.int64(), _as("<i8")),
    "real": _of(4, pa.float32(), _as("<f4")),
    "float": _of(8, pa.float64(), _as("<f8")),
    "money": _of(8, pa.decimal128(19, 4), _money),
    "smallmoney": _of(4, pa.decimal128(10, 4), _small_money),
    "decimal": Scalar(19, lambda args: pa.decimal128(*args), _decimal),
    "numeric": Scalar(19, lambda args: pa.decimal128(*args), _decimal),
    "date": _of(3, pa.date32(), _date),
    "time": _of(5, pa.int64(), _time),
    "datetime": _of(8, pa.timestamp("us"), _datetime),
    "smalldatetime": _of(4, pa.timestamp("us"), _small_datetime),
    "datetime2": _of(8, pa.int64(), _date_time_2),
    "datetimeoffset": _of(10, _ZONED, _date_time_offset),
    "uniqueidentifier": _of(16, pa.binary(16), _guid),
    "rowversion": _of(8, pa.binary(8), lambda raw, _: (raw, None)),
}
