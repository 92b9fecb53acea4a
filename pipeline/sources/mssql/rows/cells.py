"""What arrives of a column as Arrow arrays, one for each expression, made into the one that its frame has.

A driver gives six digits of a second and no offset, so the server sends both beside the value. Where the two do not
fit each other, or an array is of another type than was asked for, a ValueError says so: nothing is rounded to fit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.text import Flaw, decode_packed

Arrays: TypeAlias = tuple[Any, ...]
"""pyarrow.Array, one for each expression."""
Read: TypeAlias = tuple[Any, tuple[Flaw, ...]]
Reader: TypeAlias = Callable[[Arrays], Read]
Ints = npt.NDArray[np.int64]

_UNIX_TICKS = 621_355_968_000_000_000
"""1970-01-01, in ticks of 100 ns since 0001-01-01."""
_FURTHEST_OFFSET = 14 * 60
_RFC_ORDER = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15]


def as_type(array: Any, type: Any) -> Any:
    """The array if it is of a type, or of one whose every value the type has."""
    try:
        return array if array.type == type else array.cast(type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ValueError(f"arrives as {array.type} and not as {type}") from error


def plain(type: Any) -> Reader:
    return lambda arrays: (as_type(arrays[0], type), ())


def text(codec: str) -> Reader:
    """Bytes of a code page, or of UTF-16."""

    def read(arrays: Arrays) -> Read:
        values = as_type(arrays[0], pa.large_binary())
        _, offsets, content = values.buffers()
        ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
        return decode_packed(content or b"", ends, _valid(values), codec)

    return read


def guids(arrays: Arrays) -> Read:
    """Binary of RFC 4122's order: SQL Server keeps the first three groups little-endian."""
    values = as_type(arrays[0], pa.large_binary())
    valid = _valid(values)
    _, offsets, content = values.buffers()
    ends = np.frombuffer(offsets, np.int64)[values.offset : values.offset + len(values) + 1]
    if (np.diff(ends)[valid] != len(_RFC_ORDER)).any():
        raise ValueError("holds a uniqueidentifier that has not 16 bytes")
    raw = np.frombuffer(content or b"", np.uint8)[ends[0] : ends[-1]].reshape(-1, 16)[:, _RFC_ORDER]
    if not valid.all():
        present, raw = raw, np.zeros((len(values), 16), np.uint8)
        raw[valid] = present
    return _array(pa.binary(16), raw, valid), ()


def moments(arrays: Arrays) -> Read:
    """Int64 of 100 ns ticks since 0001-01-01; the second array is the nanosecond, where scale 7 needs it."""
    return _array(pa.int64(), moment_ticks(arrays), _valid(arrays[0])), ()


def zoned_moments(arrays: Arrays) -> Read:
    """Struct of ticks, as `moments` of UTC, and offset (Int16), the last array: minutes that local time is ahead."""
    *parts, offsets = arrays
    values, valid = _ints(offsets)
    if (np.abs(values[valid]) > _FURTHEST_OFFSET).any():
        raise ValueError("holds an offset of more than 14 hours")
    (ticks, _), offset = moments(tuple(parts)), _array(pa.int16(), values.astype(np.int16), valid)
    return pa.StructArray.from_arrays([ticks, offset], ["ticks", "offset"], mask=parts[0].is_null()), ()


def clock(arrays: Arrays) -> Read:
    """Int64 of 100 ns ticks since midnight."""
    return _array(pa.int64(), clock_ticks(arrays), _valid(arrays[0])), ()


def moment_ticks(arrays: Arrays) -> Ints:
    """Ticks since 0001-01-01; any where the value is NULL."""
    stamps = arrays[0]
    if not pa.types.is_timestamp(stamps.type) or stamps.type.unit != "us":
        raise ValueError(f"arrives as {stamps.type} and not in microseconds")
    micros, valid = _ints(stamps)
    return _to_the_tick(micros, valid, arrays[1:]) + _UNIX_TICKS


def clock_ticks(arrays: Arrays) -> Ints:
    nanos, valid = _ints(as_type(arrays[0], pa.time64("ns")))
    return _to_the_tick(nanos // 1000, valid, arrays[1:])


def _to_the_tick(micros: Ints, valid: npt.NDArray[np.bool_], nanoseconds: Arrays) -> Ints:
    """The 7th digit out of the nanosecond of the second, whose first six the driver must have given as they are."""
    ticks: Ints = micros * 10
    if not nanoseconds:
        return ticks
    nanos, _ = _ints(nanoseconds[0])
    if (micros % 1_000_000 != nanos // 1000)[valid].any():
        raise ValueError("arrives with other digits of a second than the server gives")
    return ticks + nanos // 100 % 10


def _valid(array: Any) -> npt.NDArray[np.bool_]:
    if not array.null_count:
        return np.ones(len(array), np.bool_)
    valid: npt.NDArray[np.bool_] = array.is_valid().to_numpy(zero_copy_only=False)
    return valid


def _ints(array: Any) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """64-bit numbers of an array, 0 where it is NULL."""
    values = array.cast(pa.int64())
    return values.fill_null(0).to_numpy(zero_copy_only=False), _valid(values)


def _array(type: Any, values: npt.NDArray[Any], valid: npt.NDArray[np.bool_]) -> Any:
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    return pa.Array.from_buffers(type, len(valid), [mask, pa.py_buffer(np.ascontiguousarray(values))])
