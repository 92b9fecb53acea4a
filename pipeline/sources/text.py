"""Text of whole columns, decoded strictly: what is no text of its encoding is a flaw, never a guess.

A column is decoded in one go, with a byte between its values that none of them has: it ends what is cut off in the
middle of a character, and shows in the decoded text where each value begins.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.sources.codepage import UTF_16

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Bytes = npt.NDArray[np.uint8]

_SEPARATORS = range(0x30)
"""No code page of Windows has these bytes as the second of a character."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """A text that is none; its cell is NULL."""

    row: int
    reason: str
    raw: bytes
    replacement: str
    """With U+FFFD for what could not be decoded."""


def decode_packed(content: Any, offsets: Ints, valid: Bools, codec: str) -> tuple[Any, tuple[Flaw, ...]]:
    """large_string array of values that lie one after the other in a buffer, of which value i ends at offset i + 1.

    Values that are not valid are empty. Raises nothing for what the bytes may be.
    """
    data = np.frombuffer(content, np.uint8)[offsets[0] : offsets[-1]]
    offsets = offsets - offsets[0]
    decoded = _ascii(data, offsets, codec) or _together(data, offsets, codec)
    if decoded is None:
        return _one_by_one(data, offsets, valid, codec)
    text, ends = decoded
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [mask, pa.py_buffer(np.ascontiguousarray(ends)), pa.py_buffer(text)]
    return pa.Array.from_buffers(pa.large_string(), len(valid), buffers), ()


def _ascii(data: Bytes, offsets: Ints, codec: str) -> tuple[Any, Ints] | None:
    if codec != UTF_16:
        return (data, offsets) if not len(data) or int(data.max()) < 0x80 else None
    if (offsets & 1).any():
        return None
    units = data.view("<u2")
    if len(units) and int(units.max()) >= 0x80:
        return None
    return units.astype(np.uint8), offsets >> 1


def _together(data: Bytes, offsets: Ints, codec: str) -> tuple[Any, Ints] | None:
    """UTF-8 of all values and where each ends; None where one of them is malformed."""
    wide = codec == UTF_16
    if wide:
        if (offsets & 1).any():
            return None
        units, bounds = data.view("<u2"), offsets >> 1
    else:
        units, bounds = data, offsets
    separator = _missing(units)
    if separator is None:
        return None
    try:
        text = str(_separated(units, bounds, separator), codec).encode()
    except UnicodeDecodeError:
        return None
    ends = np.flatnonzero(np.frombuffer(text, np.uint8) == separator) - np.arange(len(bounds) - 1)
    values = text.replace(bytes([separator]), b"")  # a third of the time of a mask
    return np.frombuffer(values, np.uint8), np.concatenate([np.zeros(1, np.int64), ends])


def _missing(units: npt.NDArray[Any]) -> int | None:
    """A character that none of the values has."""
    return next((byte for byte in _SEPARATORS if not (units == byte).any()), None)


def _separated(units: npt.NDArray[Any], bounds: Ints, separator: int) -> Any:
    """pyarrow.Buffer of the values with a separator behind each."""
    ends = pa.py_buffer(np.append(bounds, bounds[-1]) * units.itemsize)  # behind the last too, since one more is empty
    values = pa.Array.from_buffers(pa.large_binary(), len(bounds), [None, ends, pa.py_buffer(units)])
    column = pa.LargeListArray.from_arrays([0, len(values)], values)
    joined = pc.binary_join(column, pa.scalar(separator.to_bytes(units.itemsize, "little"), pa.large_binary()))
    return joined[0].as_buffer()


def _one_by_one(data: Bytes, offsets: Ints, valid: Bools, codec: str) -> tuple[Any, tuple[Flaw, ...]]:
    texts: list[str | None] = []
    flaws = []
    whole, bounds = data.tobytes(), offsets.tolist()
    for row, present in enumerate(valid.tolist()):
        raw = whole[bounds[row] : bounds[row + 1]]
        try:
            texts.append(raw.decode(codec) if present else None)
        except UnicodeDecodeError as error:
            texts.append(None)
            flaws.append(Flaw(row, _reason(raw, error, codec), raw, raw.decode(codec, "replace")))
    return pa.array(texts, pa.large_string()), tuple(flaws)


def _reason(raw: bytes, error: UnicodeDecodeError, codec: str) -> str:
    if codec == UTF_16:
        what = "ends within a character" if len(raw) & 1 and error.end == len(raw) else "holds half of a UTF-16 pair"
        return f"{what}, at byte {error.start}"
    return f"text is not {codec}: 0x{raw[error.start : error.end].hex().upper()} at byte {error.start} is no character"
