"""Properties of a table and its columns, from the LvProp blob of MSysObjects.

Blocks of length (u32), type (u16) and content: one of type 0x80 lists the names that the others use
by number; the others name whom they describe and list values.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

Value: TypeAlias = str | bool | int
Decode: TypeAlias = Callable[[bytes], str]

_MAGIC = (b"MR2\0", b"KKD\0")
_NAMES, _OF_TABLE = 0x80, 0x00
_BOOLEAN, _BYTE, _INTEGER, _LONG, _TEXT, _MEMO = 1, 2, 3, 4, 10, 12


@dataclass(frozen=True, slots=True)
class Properties:
    table: Mapping[str, Value]
    columns: Mapping[str, Mapping[str, Value]]


NO_PROPERTIES = Properties({}, {})


def parse_properties(blob: bytes, decode: Decode) -> Properties:
    """Values by name, of those types that any property Naru reads has; raises ValueError when malformed."""
    if blob[:4] not in _MAGIC:
        raise ValueError("unknown kind of properties")
    names: list[str] = []
    table: dict[str, Value] = {}
    columns: dict[str, dict[str, Value]] = {}
    try:
        for kind, block in _blocks(blob):
            if kind == _NAMES:
                names = [decode(name) for name in _names(block)]
            else:
                owner, values = _owner(block, decode)
                of = table if kind == _OF_TABLE else columns.setdefault(owner, {})
                of.update((names[number], value) for number, value in _values(values, decode))
    except (struct.error, LookupError, UnicodeError) as error:
        raise ValueError(str(error)) from error
    return Properties(table, columns)


def _blocks(blob: bytes) -> Iterator[tuple[int, bytes]]:
    at = 4
    while at + 6 <= len(blob):
        length, kind = struct.unpack_from("<IH", blob, at)
        if length < 6 or at + length > len(blob):
            raise ValueError(f"a block of {length} bytes at {at}")
        yield kind, blob[at + 6 : at + length]
        at += length


def _names(block: bytes) -> Iterator[bytes]:
    at = 0
    while at + 2 <= len(block):
        (length,) = struct.unpack_from("<H", block, at)
        yield block[at + 2 : at + 2 + length]
        at += 2 + length


def _owner(block: bytes, decode: Decode) -> tuple[str, bytes]:
    """Name of the column that a block describes (none for the table's own), and the rest of the block."""
    size, length = struct.unpack_from("<IH", block)
    return decode(block[6 : 6 + length]), block[max(size, 4) :]


def _values(block: bytes, decode: Decode) -> Iterator[tuple[int, Value]]:
    at = 0
    while at + 8 <= len(block):
        size, kind, number, length = struct.unpack_from("<HxBHH", block, at)
        if size < 8 + length:
            raise ValueError(f"a value of {length} bytes in {size}")
        value = _value(kind, block[at + 8 : at + 8 + length], decode)
        if value is not None:
            yield number, value
        at += size


def _value(kind: int, raw: bytes, decode: Decode) -> Value | None:
    if kind == _BOOLEAN:
        return raw[:1] not in (b"", b"\0")
    if kind in (_BYTE, _INTEGER, _LONG):
        return int.from_bytes(raw, "little", signed=kind != _BYTE)
    return decode(raw) if kind in (_TEXT, _MEMO) else None
