"""Streams of a compound file ([MS-CFB] versions 3 and 4), in which OLE 2 objects keep the file that they embed.

Only those of the root: what lies deeper belongs to objects within the object. Each sector is visited at most once a
chain and the tables are no longer than the file needs, so that reading costs what the value's own size allows.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_END, _NONE = 0xFFFFFFFE, 0xFFFFFFFF
_SHIFTS = {3: 9, 4: 12}
_MINI = 64
_STREAM, _ENTRY = 2, 128
_IN_HEADER = 109
"""Sectors of the allocation table that the header itself lists."""


class DamagedCompound(ValueError):
    """What of a compound file does not hold together."""


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    kind: int
    left: int
    right: int
    child: int
    start: int
    size: int


class Compound:
    """A compound file in memory; raises DamagedCompound."""

    def __init__(self, content: bytes) -> None:
        if len(content) < 512 or not content.startswith(MAGIC):
            raise DamagedCompound("has no compound file's header")
        (version,) = struct.unpack_from("<H", content, 26)
        if version not in _SHIFTS:
            raise DamagedCompound(f"is a compound file of version {version}")
        self._content, self._size = content, 1 << _SHIFTS[version]
        self._sectors = max(-(-len(content) // self._size) - 1, 0)
        directory, _, self._cutoff, mini, _, more = struct.unpack_from("<6I", content, 48)
        self._fat = _numbers(b"".join(map(self._sector, self._table_sectors(more))))
        self._directory = self._chain(directory)
        self._root = self._entry(0)
        self._mini_fat = _numbers(self._chain(mini)) if mini < _END else ()

    def stream(self, name: str) -> bytes | None:
        """The root's stream of that name."""
        entry = next((entry for entry in self._of_root() if entry.name == name and entry.kind == _STREAM), None)
        if entry is None:
            return None
        content = self._small(entry.start) if entry.size < self._cutoff else self._chain(entry.start)
        if entry.size > len(content):
            raise DamagedCompound(f"stream {name!r} ends before its length")
        return content[: entry.size]

    def _of_root(self) -> Iterator[_Entry]:
        """Siblings hang on each other as a tree."""
        waiting, seen = [self._root.child], {_NONE}
        while waiting:
            number = waiting.pop()
            if number in seen:
                continue
            seen.add(number)
            entry = self._entry(number)
            waiting += [entry.left, entry.right]
            yield entry

    def _entry(self, number: int) -> _Entry:
        raw = self._directory[number * _ENTRY : (number + 1) * _ENTRY]
        if len(raw) < _ENTRY:
            raise DamagedCompound(f"has no directory entry {number}")
        length, kind = struct.unpack_from("<HB", raw, 64)
        name = raw[: min(max(length - 2, 0), 62)].decode("utf-16-le", "replace")
        left, right, child = struct.unpack_from("<3I", raw, 68)
        start, size = struct.unpack_from("<2I", raw, 116)  # of the size's high half version 3 knows nothing
        return _Entry(name, kind, left, right, child, start, size)

    def _table_sectors(self, more: int) -> list[int]:
        """Those that the header lists, then those in a chain of lists; as many as the file can need."""
        needed = -(-self._sectors * 4 // self._size)
        listed = list(struct.unpack_from(f"<{_IN_HEADER}I", self._content, 76))
        while more < _END and len(listed) < needed:
            *further, more = _numbers(self._sector(more))
            listed += further
        return [number for number in listed if number != _NONE][:needed]

    def _sector(self, number: int) -> bytes:
        if number >= self._sectors:
            raise DamagedCompound(f"has no sector {number}")
        return self._content[(number + 1) * self._size : (number + 2) * self._size]

    def _chain(self, start: int) -> bytes:
        return b"".join(self._sector(number) for number in _followed(start, self._fat))

    def _small(self, start: int) -> bytes:
        """Streams below the cutoff lie in pieces of 64 bytes within one stream of the root."""
        pieces = _cut(self._chain(self._root.start), _MINI)
        numbers = _followed(start, self._mini_fat)
        if any(number >= len(pieces) for number in numbers):
            raise DamagedCompound("has a short stream outside its place")
        return b"".join(pieces[number] for number in numbers)


def _followed(start: int, table: tuple[int, ...]) -> list[int]:
    """Numbers of a chain from its start."""
    numbers: list[int] = []
    at = start
    while at != _END:
        if at >= len(table) or len(numbers) == len(table):
            raise DamagedCompound("has a chain without end")
        numbers.append(at)
        at = table[at]
    return numbers


def _numbers(raw: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"<{len(raw) // 4}I", raw)


def _cut(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content) - size + 1, size)]
