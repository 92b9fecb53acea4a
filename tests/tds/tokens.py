"""What a response is made of (MS-TDS 2.2.7)."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from tests.tds.types import SqlType, b_text, cell_encoder, null_cell, type_info, us_text

_NULLABLE, _UPDATABLE, _IDENTITY = 0x01, 0x08, 0x10
_MORE_BIT, _ERROR_BIT, _COUNT_BIT, _ATTENTION_BIT = 0x01, 0x02, 0x10, 0x20
_IN_PROCEDURE = 0xFF
_SELECT = 0xC1


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: SqlType
    nullable: bool = True


class ServerError(Exception):
    """An error token; SQL Server's number, class (16: of the user's statement, 20 and more: fatal) and text."""

    def __init__(self, number: int, text: str, severity: int = 16) -> None:
        super().__init__(number, text, severity)
        self.number, self.text, self.severity = number, text, severity

    def __str__(self) -> str:
        return self.text

    def token(self) -> bytes:
        return _message(0xAA, self.number, self.severity, self.text)


def info(number: int, text: str) -> bytes:
    return _message(0xAB, number, 0, text)


def _message(code: int, number: int, severity: int, text: str) -> bytes:
    body = struct.pack("<IBB", number, 1, severity) + us_text(text) + b_text("NARU-TDS") + b_text("")
    return _sized(code, body + struct.pack("<I", 1))


def _sized(code: int, body: bytes) -> bytes:
    return bytes([code]) + struct.pack("<H", len(body)) + body


def environment(what: int, new: bytes, old: bytes) -> bytes:
    """ENVCHANGE: 1 the database, 2 the language, 4 the packet size, 7 the collation, 8 to 10 a transaction."""
    return _sized(0xE3, bytes([what]) + new + old)


def login_accepted() -> bytes:
    return _sized(0xAD, b"\x01" + bytes.fromhex("74000004") + b_text("Microsoft SQL Server") + bytes([16, 0, 0x10, 0]))


def metadata(columns: Sequence[Column]) -> bytes:
    out = [b"\x81", struct.pack("<H", len(columns))]
    for column in columns:
        flags = _UPDATABLE | _NULLABLE * column.nullable
        out.append(struct.pack("<IH", column.type.kind.user_type, flags))
        out.append(type_info(column.type, nullable=column.nullable))
        out.append(b_text(column.name))
    return b"".join(out)


class RowEncoder:
    """ROW, and NBCROW where a value is NULL, as SQL Server sends them."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = columns
        self._cells = [cell_encoder(column.type, nullable=column.nullable) for column in columns]

    def row(self, values: Sequence[Any]) -> bytes:
        """Raises ServerError for a value that its column cannot hold."""
        try:
            if None in values:
                return self._with_nulls(values)
            return b"\xd1" + b"".join([cell(value) for cell, value in zip(self._cells, values, strict=True)])
        except (ValueError, TypeError, OverflowError, struct.error, AttributeError) as error:
            raise ServerError(8114, f"the row {values!r} does not fit {self._columns}: {error}") from error

    def _with_nulls(self, values: Sequence[Any]) -> bytes:
        bits, cells = bytearray((len(values) + 7) // 8), []
        for at, (cell, value, column) in enumerate(zip(self._cells, values, self._columns, strict=True)):
            if value is not None:
                cells.append(cell(value))
            elif column.nullable:
                bits[at // 8] |= 1 << at % 8
            else:
                raise ValueError(f"{column.name} is NULL")
        return b"\xd2" + bytes(bits) + b"".join(cells)


@dataclass(frozen=True, slots=True)
class Rows:
    """Encoded rows, of which parts can be taken."""

    content: bytes
    ends: tuple[int, ...]

    @classmethod
    def of(cls, rows: Iterator[bytes]) -> Rows:
        encoded = list(rows)
        return cls(b"".join(encoded), tuple(accumulate(map(len, encoded))))

    def __len__(self) -> int:
        return len(self.ends)

    def part(self, first: int, end: int) -> Rows:
        if first == 0 and end >= len(self.ends):
            return self
        start = self.ends[first - 1] if first else 0
        ends = tuple(at - start for at in self.ends[first:end])
        return Rows(self.content[start : start + ends[-1]] if ends else b"", ends)


def done(rows: int | None = None, *, code: int = 0xFD, error: bool = False) -> bytes:
    """The end of a statement (0xFD), of one in a procedure (0xFF), or of a procedure (0xFE)."""
    status = _ERROR_BIT * error | _COUNT_BIT * (rows is not None) | _MORE_BIT * (code == _IN_PROCEDURE)
    return bytes([code]) + struct.pack("<HHQ", status, _SELECT, rows or 0)


def attention_done() -> bytes:
    return b"\xfd" + struct.pack("<HHQ", _ATTENTION_BIT, 0, 0)


def return_status(status: int = 0) -> bytes:
    return b"\x79" + struct.pack("<i", status)


def return_value(name: str, type: SqlType, value: Any) -> bytes:
    head = struct.pack("<H", 0) + b_text(name) + b"\x01" + struct.pack("<IH", 0, 0)
    cell = null_cell(type) if value is None else cell_encoder(type, nullable=True)(value)
    return b"\xac" + head + type_info(type, nullable=True) + cell
