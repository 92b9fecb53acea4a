"""Bytes that numpy can gather numbers from at any offset, and Arrow can slice without copying."""

from __future__ import annotations

import mmap
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

_PREFIX_MASK = np.array([0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF], "<u8")
_REST_MASK = np.array([(1 << (8 * n)) - 1 for n in range(9)], "<u8")
_SHORT = 12
"""Arrow keeps values of up to 12 bytes inside their view."""


class Memory:
    """A read-only buffer with one little-endian view per number size, at every byte offset.

    The views check nothing: whoever gathers has checked that the offsets lie inside.
    """

    __slots__ = ("_own", "buffer", "i64", "size", "u8", "u16", "u32")

    def __init__(self, content: bytes | bytearray | mmap.mmap) -> None:
        self.size = len(content)
        self._own = not isinstance(content, mmap.mmap)
        self.buffer: Any = pa.py_buffer(content)
        self.u8 = np.frombuffer(content, np.uint8)
        self.u16: npt.NDArray[np.uint16] = self._view(content, "<u2")
        self.u32: npt.NDArray[np.uint32] = self._view(content, "<u4")
        self.i64: npt.NDArray[np.int64] = self._view(content, "<i8")

    @staticmethod
    def _view(content: bytes | bytearray | mmap.mmap, dtype: str) -> npt.NDArray[Any]:
        count = max(len(content) - np.dtype(dtype).itemsize + 1, 0)
        return np.ndarray((count,), dtype, content, strides=(1,))

    def read(self, start: int, length: int) -> bytes:
        return self.u8[start : start + length].tobytes()

    def pack(self, start: Ints, length: Ints) -> tuple[Any, Ints]:
        """Copy slices one after the other; returns an Arrow buffer and n+1 offsets into it.

        Works through an Arrow binary view over the whole memory, which C++ then flattens. What is one after the other
        from the start of a memory that is no file's is not copied: it may be hundreds of megabytes.
        """
        ends = np.cumsum(length)
        if self._own and (start == ends - length).all():
            return self.buffer, np.concatenate([np.zeros(1, np.int64), ends])
        views = np.empty((len(start), 2), "<u8")
        at = np.minimum(start, self.size - _SHORT)
        views[:, 0] = length
        views[:, 0] |= (self.u32[at] & _PREFIX_MASK[np.minimum(length, 4)]) << np.uint64(32)
        rest = self.i64[at + 4].view("<u8") & _REST_MASK[np.clip(length - 4, 0, 8)]
        views[:, 1] = np.where(length > _SHORT, start.astype("<u8") << np.uint64(32), rest)
        self._patch_end(views, start, length)
        flat = pa.Array.from_buffers(pa.binary_view(), len(start), [None, pa.py_buffer(views), self.buffer])
        _, offsets, data = flat.cast(pa.large_binary()).buffers()
        return data, np.frombuffer(offsets, "<i8", count=len(start) + 1)

    def _patch_end(self, views: npt.NDArray[np.uint64], start: Ints, length: Ints) -> None:
        """Rebuild the views of values too near the end of the memory to be gathered in whole words."""
        for row in np.flatnonzero(start > self.size - _SHORT):
            value = self.read(int(start[row]), int(length[row]))
            views[row] = np.frombuffer(len(value).to_bytes(4, "little") + value.ljust(_SHORT, b"\0"), "<u8")
