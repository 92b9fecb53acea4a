"""Text: UTF-16 or its compressed form since Jet 4, bytes of a code page in Jet 3.

Everything is decoded strictly, whole chunks at a time. Only values that a chunk cannot decode, or
that switch modes, are decoded one by one; one that cannot be decoded is a flaw, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.cells.values import Decoded, Flaw, bitmap, scatter
from pipeline.sources.access.pages.memory import Bools, Ints, Memory
from pipeline.sources.codepage import UTF_16

_COMPRESSED = 0xFEFF
"""As a little-endian number: FF FE in the file."""
_EVERY_BYTE = np.uint64(0x0101010101010101)


def decode_text(memory: Memory, slices: Slices, codec: str) -> Decoded:
    """large_string array of some values; flaws for lone surrogates, odd lengths and undecodable bytes."""
    if codec != UTF_16:
        return _in_code_page(memory, slices, codec)
    compressed = _compressed(memory, slices)
    if not compressed.any():
        return _wide(memory, slices)
    if compressed.all():
        return _narrow(memory, slices)
    narrow, wide = np.flatnonzero(compressed), np.flatnonzero(~compressed & slices.valid)
    return scatter(
        len(slices),
        [(narrow, _narrow(memory, slices.where(narrow))), (wide, _wide(memory, slices.where(wide)))],
    )


def decode_bytes(raw: bytes, codec: str) -> str:
    """One text by itself; raises UnicodeDecodeError."""
    if codec == UTF_16:
        return _decompressed(raw, "strict") if raw[:2] == b"\xff\xfe" else _utf_16(raw, "strict")
    return raw.decode(codec)


def _compressed(memory: Memory, slices: Slices) -> Bools:
    marked: Bools = memory.u16[np.minimum(slices.start, memory.size - 2)] == _COMPRESSED
    return marked & (slices.length >= 2)


def _narrow(memory: Memory, slices: Slices) -> Decoded:
    """Compressed text of one mode: a byte is a character up to U+00FF, and 0 would change the mode."""
    data, offsets = memory.pack(slices.start + 2, slices.length - 2)
    content = np.frombuffer(data, np.uint8, count=int(offsets[-1]))
    top = int(content.max(initial=0))
    if not content.all():
        return _split(memory, slices, _rows_of(np.flatnonzero(content == 0), offsets), _narrow, _decompressed)
    if top >= 0x80:
        ends = np.zeros(len(content) + 1, np.int64)
        np.cumsum(1 + (content >= 0x80), out=ends[1:])
        data, offsets = content.tobytes().decode("latin-1").encode(), ends[offsets]
    return Decoded(_strings(data, offsets, slices.valid))


def _wide(memory: Memory, slices: Slices) -> Decoded:
    data, offsets = memory.pack(slices.start, slices.length)
    odd = (slices.length & 1) != 0
    if odd.any():
        return _split(memory, slices, np.flatnonzero(odd), _wide, _utf_16)
    units = np.frombuffer(data, "<u2", count=int(offsets[-1]) // 2)
    surrogate = (units & 0xF800) == 0xD800
    try:
        text = str(memoryview(data)[: int(offsets[-1])], UTF_16).encode()
        # A pair split over two values would decode as one: each value must be whole by itself.
        if surrogate.any() and ((units[offsets[:-1][slices.length > 0] // 2] & 0xFC00) == 0xDC00).any():
            raise UnicodeError
    except UnicodeError:
        return _split(memory, slices, _rows_of(np.flatnonzero(surrogate) * 2, offsets), _wide, _utf_16)
    size = np.ones(len(units), np.uint8)
    size += units >= 0x80
    size += units >= 0x800
    size -= surrogate
    return Decoded(_strings(text, _summed(size, offsets // 2), slices.valid))


def _summed(size: npt.NDArray[np.uint8], offsets: Ints) -> Ints:
    """Offsets when each unit takes `size` bytes, of which eight add up to less than a byte holds.

    One multiplication sums a word of eight: its byte k becomes the sum of bytes 0 to k. Half the time of reduceat.
    """
    words = np.zeros(len(size) // 8 + 1, "<u8")
    words.view(np.uint8)[: len(size)] = size
    sums = words * _EVERY_BYTE
    before = np.zeros(len(words), np.int64)
    np.cumsum((sums[:-1] >> np.uint64(56)).astype(np.int64), out=before[1:])
    summed: Ints = before[offsets >> 3] + (sums << np.uint64(8)).view(np.uint8)[offsets]
    return summed


def _in_code_page(memory: Memory, slices: Slices, codec: str) -> Decoded:
    data, offsets = memory.pack(slices.start, slices.length)
    beyond = np.flatnonzero(np.frombuffer(data, np.uint8, count=int(offsets[-1])) >= 0x80)
    if not len(beyond):
        return Decoded(_strings(data, offsets, slices.valid))

    def in_code_page(raw: bytes, errors: str) -> str:
        try:
            return raw.decode(codec, errors)
        except UnicodeDecodeError as error:
            if error.encoding == "charmap":  # as Python calls each codec that is a table
                error.encoding, error.reason = codec, f"it has no character 0x{raw[error.start]:02X}"
            raise

    def ascii_only(memory: Memory, slices: Slices) -> Decoded:
        return _in_code_page(memory, slices, codec)

    return _split(memory, slices, _rows_of(beyond, offsets), ascii_only, in_code_page)


def _rows_of(at: Ints, offsets: Ints) -> Ints:
    return np.unique(np.searchsorted(offsets, at, side="right") - 1)


def _split(
    memory: Memory,
    slices: Slices,
    slow: Ints,
    whole: Callable[[Memory, Slices], Decoded],
    single: Callable[[bytes, str], str],
) -> Decoded:
    """Decode some rows one by one, and the others as a chunk again."""
    rest = slices.valid.copy()
    rest[slow] = False
    fast = np.flatnonzero(rest)
    parts = [(fast, whole(memory, slices.where(fast))), (slow, _one_by_one(memory, slices.where(slow), single))]
    return scatter(len(slices), parts)


def _one_by_one(memory: Memory, slices: Slices, decode: Callable[[bytes, str], str]) -> Decoded:
    texts: list[str | None] = []
    flaws = []
    for row, (start, length) in enumerate(zip(slices.start.tolist(), slices.length.tolist(), strict=True)):
        raw = memory.read(start, length)
        try:
            texts.append(decode(raw, "strict"))
        except UnicodeDecodeError as error:
            texts.append(None)
            flaws.append(Flaw(row, f"text is not {error.encoding}: {error.reason}", raw, decode(raw, "replace")))
    return Decoded(pa.array(texts, pa.large_string()), tuple(flaws))


def _utf_16(raw: bytes, errors: str) -> str:
    return raw.decode(UTF_16, errors)


def _decompressed(raw: bytes, errors: str) -> str:
    """Compressed text with its mark: Latin-1, and every byte 0 switches to UTF-16 or back."""
    segments = raw[2:].split(b"\0")
    return "".join(part.decode(UTF_16 if i % 2 else "latin-1", errors) for i, part in enumerate(segments))


def _strings(data: Any, offsets: Ints, valid: Bools) -> Any:
    buffers = [bitmap(valid), pa.py_buffer(np.ascontiguousarray(offsets)), pa.py_buffer(data)]
    return pa.Array.from_buffers(pa.large_string(), len(valid), buffers)
