"""Typed values of a remote procedure call (MS-TDS 2.2.6.6), in the forms that `types` names."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.tds.tokens import ServerError
from tests.tds.types import COLLATIONS, KOREAN, MAX, TICKS_PER_DAY, Collation, SqlType, Zoned, time_bytes, time_unit

_YEAR_1 = dt.date(1, 1, 1)
_ANOTHER_CALL = 0xFF
_UNKNOWN_LENGTH = 2**64 - 2
_BY_WIRE = {collation.wire: collation for collation in COLLATIONS.values()}
_INTEGERS = {1: "tinyint", 2: "smallint", 4: "int", 8: "bigint"}
_FIXED = {
    0x30: ("tinyint", 1),
    0x32: ("bit", 1),
    0x34: ("smallint", 2),
    0x38: ("int", 4),
    0x7F: ("bigint", 8),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    name: str
    type: SqlType
    value: Any
    output: bool = False


class Reader:
    """Reads one message from its beginning to its end."""

    def __init__(self, content: bytes, at: int = 0) -> None:
        self._content, self.at = content, at

    def __bool__(self) -> bool:
        return self.at < len(self._content)

    def take(self, size: int) -> bytes:
        if self.at + size > len(self._content):
            raise ServerError(8016, f"the request ends {self.at + size - len(self._content)} bytes too early")
        self.at += size
        return self._content[self.at - size : self.at]

    def number(self, form: str) -> int:
        return int(struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))[0])

    def text(self, form: str = "B") -> str:
        return self.take(2 * self.number(form)).decode("utf-16-le")

    def parameter(self) -> Parameter:
        if self._content[self.at] == _ANOTHER_CALL:
            raise ServerError(8016, "this server takes one call at a time")
        name, status, code = self.text(), self.number("B"), self.number("B")
        if code in _FIXED:
            kind, size = _FIXED[code]
            return Parameter(name, SqlType(kind), _integer(self.take(size), SqlType(kind)), bool(status & 1))
        if code not in _TYPES:
            raise ServerError(
                8009, f"the parameter {name!r} has the type 0x{code:02x}, which this server does not read"
            )
        type, raw = _TYPES[code](self)
        return Parameter(name, type, None if raw is None else _VALUES[type.name](raw, type), bool(status & 1))

    def collation(self) -> Collation:
        wire = self.take(5)
        return _BY_WIRE.get(wire, KOREAN)

    def short(self) -> bytes | None:
        size = self.number("B")
        return self.take(size) if size else None

    def long(self, length: int) -> bytes | None:
        """A value of a type that declares its length; of none where that is 65535."""
        if length == 0xFFFF:
            return self.chunks()
        size = self.number("H")
        return None if size == 0xFFFF else self.take(size)

    def chunks(self) -> bytes | None:
        if (total := self.number("Q")) == 2**64 - 1:
            return None
        parts = []
        while size := self.number("I"):
            parts.append(self.take(size))
        raw = b"".join(parts)
        if total not in (_UNKNOWN_LENGTH, len(raw)):
            raise ServerError(8016, f"a value of {total} bytes has {len(raw)}")
        return raw


Read = Callable[[Reader], tuple[SqlType, bytes | None]]


def _sized(names: dict[int, str]) -> Read:
    def read(reader: Reader) -> tuple[SqlType, bytes | None]:
        name = names[reader.number("B")]
        return SqlType(name), reader.short()

    return read


def _scaled(name: str) -> Read:
    def read(reader: Reader) -> tuple[SqlType, bytes | None]:
        return SqlType(name, (reader.number("B"),)), reader.short()

    return read


def _decimal(reader: Reader) -> tuple[SqlType, bytes | None]:
    reader.number("B")
    return SqlType("decimal", (reader.number("B"), reader.number("B"))), reader.short()


def _text(name: str, unit: int) -> Read:
    def read(reader: Reader) -> tuple[SqlType, bytes | None]:
        length = reader.number("H")
        collation = reader.collation()
        args = (MAX,) if length == 0xFFFF else (length // unit,)
        return SqlType(name, args, collation), reader.long(length)

    return read


def _binary(name: str) -> Read:
    def read(reader: Reader) -> tuple[SqlType, bytes | None]:
        length = reader.number("H")
        return SqlType(name, (MAX,) if length == 0xFFFF else (length,)), reader.long(length)

    return read


def _legacy(name: str, *, collated: bool) -> Read:
    def read(reader: Reader) -> tuple[SqlType, bytes | None]:
        reader.number("I")
        collation = reader.collation() if collated else KOREAN
        size = reader.number("i")
        return SqlType(name, (), collation), None if size < 0 else reader.take(size)

    return read


_TYPES: dict[int, Read] = {
    0x26: _sized(_INTEGERS),
    0x68: _sized({1: "bit"}),
    0x6D: _sized({4: "real", 8: "float"}),
    0x6E: _sized({4: "smallmoney", 8: "money"}),
    0x6F: _sized({4: "smalldatetime", 8: "datetime"}),
    0x24: _sized({16: "uniqueidentifier"}),
    0x6A: _decimal,
    0x6C: _decimal,
    0x28: lambda reader: (SqlType("date"), reader.short()),
    0x29: _scaled("time"),
    0x2A: _scaled("datetime2"),
    0x2B: _scaled("datetimeoffset"),
    0xA7: _text("varchar", 1),
    0xAF: _text("char", 1),
    0xE7: _text("nvarchar", 2),
    0xEF: _text("nchar", 2),
    0xA5: _binary("varbinary"),
    0xAD: _binary("binary"),
    0x23: _legacy("text", collated=True),
    0x63: _legacy("ntext", collated=True),
    0x22: _legacy("image", collated=False),
}


def _integer(raw: bytes, type: SqlType) -> int:
    return int.from_bytes(raw, "little", signed=type.name not in ("bit", "tinyint"))


def _exact(raw: bytes, type: SqlType) -> Decimal:
    magnitude = int.from_bytes(raw[1:], "little")
    return _decimal_of(magnitude if raw[0] else -magnitude, type.args[1])


def _decimal_of(units: int, scale: int) -> Decimal:
    return Decimal((units < 0, tuple(map(int, str(abs(units)))), -scale))


def _money(raw: bytes, type: SqlType) -> Decimal:
    if type.name == "smallmoney":
        return _decimal_of(struct.unpack("<i", raw)[0], 4)
    high, low = struct.unpack("<iI", raw)
    return _decimal_of(high << 32 | low, 4)


def _ticks(raw: bytes, scale: int) -> int:
    return int.from_bytes(raw, "little") * time_unit(scale)


def _moment(raw: bytes, type: SqlType) -> int:
    return int.from_bytes(raw[-3:], "little") * TICKS_PER_DAY + _ticks(raw[:-3], type.args[0])


def _zoned(raw: bytes, type: SqlType) -> Zoned:
    assert len(raw) == time_bytes(type.args[0]) + 5
    return Zoned(_moment(raw[:-2], type), struct.unpack("<h", raw[-2:])[0])


def _datetime(raw: bytes, _: SqlType) -> int:
    days, units = struct.unpack("<iI", raw)
    return int(days) * 300 * 86_400 + int(units)


def _minutes(raw: bytes, _: SqlType) -> int:
    days, minutes = struct.unpack("<HH", raw)
    return int(days) * 24 * 60 + int(minutes)


_VALUES: dict[str, Callable[[bytes, SqlType], Any]] = {
    **dict.fromkeys(("bit", "tinyint", "smallint", "int", "bigint"), _integer),
    **dict.fromkeys(
        ("char", "varchar", "nchar", "nvarchar", "text", "ntext", "binary", "varbinary", "image"), lambda raw, _: raw
    ),
    **dict.fromkeys(("money", "smallmoney"), _money),
    "real": lambda raw, _: struct.unpack("<f", raw)[0],
    "float": lambda raw, _: struct.unpack("<d", raw)[0],
    "decimal": _exact,
    "uniqueidentifier": lambda raw, _: UUID(bytes_le=raw),
    "date": lambda raw, _: _YEAR_1 + dt.timedelta(days=int.from_bytes(raw, "little")),
    "time": lambda raw, type: _ticks(raw, type.args[0]),
    "datetime2": _moment,
    "datetimeoffset": _zoned,
    "datetime": _datetime,
    "smalldatetime": _minutes,
}
