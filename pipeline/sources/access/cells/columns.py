"""The column types of Access: what each is called, how large its values are and how they are decoded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from pipeline.catalog import SqlType
from pipeline.errors import UnsupportedSource
from pipeline.sources.access.cells import scalars
from pipeline.sources.access.cells.attachments import CLAIM, LARGEST, unpack
from pipeline.sources.access.cells.calculated import decimal_text, unwrapped, yes_no
from pipeline.sources.access.cells.fields import Fields, Slices
from pipeline.sources.access.cells.longvalue import LongValues
from pipeline.sources.access.cells.text import decode_text
from pipeline.sources.access.cells.values import Decoded, Flaw, bitmap, scatter
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.memory import Ints, Memory
from pipeline.sources.access.pages.rows import Rows

YES_NO, LONG, BINARY, TEXT, OLE, MEMO, DECIMAL, COMPLEX = 1, 4, 9, 10, 11, 12, 16, 18
ATTACHMENT = 0x100
"""No number of Access: OLE that is known to hold attached files."""
_LONG_VALUES = (OLE, MEMO, ATTACHMENT)
_MOST_DIGITS = 28


@dataclass(frozen=True, slots=True)
class _Scalar:
    name: str
    size: int
    decode: scalars.Decoder


_SCALARS = {
    2: _Scalar("Byte", 1, scalars.byte),
    3: _Scalar("Integer", 2, scalars.integer),
    LONG: _Scalar("Long", 4, scalars.long),
    5: _Scalar("Currency", 8, scalars.currency),
    6: _Scalar("Single", 4, scalars.single),
    7: _Scalar("Double", 8, scalars.double),
    8: _Scalar("DateTime", 8, scalars.date_time),
    15: _Scalar("GUID", 16, scalars.guid),
    DECIMAL: _Scalar("Decimal", 17, scalars.decimal),
    COMPLEX: _Scalar("Complex", 4, scalars.long),
    19: _Scalar("BigInt", 8, scalars.big_integer),
    20: _Scalar("DateTimeExtended", 42, scalars.extended_date),
}
_OTHERS = {YES_NO: "YesNo", BINARY: "Binary", TEXT: "Text", OLE: "OLE", MEMO: "Memo", ATTACHMENT: "Attachment"}
# Of a calculated column: NULL is a yes/no there, and each decimal has its own scale.
_RESULTS = _SCALARS | {YES_NO: _Scalar("YesNo", 1, yes_no), DECIMAL: _Scalar("Decimal", 16, decimal_text)}
_RESULT_NAMES = {TEXT: "Text", MEMO: "Memo"} | {number: scalar.name for number, scalar in _RESULTS.items()}
_NOT_DECODED = ("Calculated", "Unknown")


def type_of(column: ColumnDefinition, *, wide: bool) -> SqlType:
    """The column's type as the catalog names it."""
    if column.calculated:
        return SqlType(_RESULT_NAMES.get(column.type, "Calculated"))
    if column.type == MEMO and column.hyperlink:
        return SqlType("Hyperlink")
    if column.type in _SCALARS:
        args = (column.precision, column.scale) if column.type == DECIMAL else ()
        return SqlType(_SCALARS[column.type].name, args)
    if column.type in (TEXT, BINARY):
        length = column.length // 2 if column.type == TEXT and wide else column.length
        return SqlType(_OTHERS[column.type], (length,) if length else ())
    return SqlType(_OTHERS.get(column.type, f"Unknown 0x{column.type:02X}"))


def check_decodable(file: AccessFile, table: TableDefinition, column: ColumnDefinition) -> None:
    """Raise UnsupportedSource for a type that is not read, and what `check_decimal` raises."""
    type = type_of(column, wide=file.format.wide)
    if type.name.startswith(_NOT_DECODED):
        raise UnsupportedSource(
            f"{file.name}: table {table.name!r}, column {column.name!r}: values of type {type} are not read yet",
            hint="skip the column in the mapping, or copy its values to a plain column in Access",
        )
    check_decimal(file, table, column)


def check_decimal(file: AccessFile, table: TableDefinition, column: ColumnDefinition) -> None:
    """Raise DamagedSource for a Decimal of digits that no number has."""
    if column.calculated:
        return  # each value has a scale of its own
    type = type_of(column, wide=file.format.wide)
    precise = 1 <= column.precision <= _MOST_DIGITS and column.scale <= column.precision
    if type.name == "Decimal" and not precise:
        raise file.damaged(f"column {column.name!r} claims to be {type}", table=table.name, page=table.page)


class ColumnReader:
    """Decodes columns of some rows of a table."""

    def __init__(self, file: AccessFile, table: TableDefinition, rows: Rows, codec: str) -> None:
        self._file, self._table, self._rows, self._codec = file, table, rows, codec
        self._fields = Fields(file, table, rows)

    def decode(self, column: ColumnDefinition) -> Decoded:
        """The column's values and flaws, one per row."""
        if column.calculated:
            return self._calculated(column)
        if column.type == YES_NO:
            present = pa.py_buffer(np.packbits(self._fields.present(column.number), bitorder="little"))
            return Decoded(pa.Array.from_buffers(pa.bool_(), len(self._rows), [None, present]))
        if column.type in _SCALARS:
            return self._scalar(column, _SCALARS[column.type])
        if column.type in _LONG_VALUES:
            value = self._long_value(column)
            return _unpacked(value) if column.type == ATTACHMENT else value
        return self._bytes(self._file.memory, self._fields.slices(column, None), column)

    def sizes(self, columns: tuple[ColumnDefinition, ...]) -> Ints:
        """Bytes that each row and its long values take in the file, from their headers alone."""
        size = self._rows.end - self._rows.start
        for column in columns:
            size = size + self.outside(column)
        return size

    def unpacked(self, columns: tuple[ColumnDefinition, ...]) -> Ints:
        """Bytes that the attachments of each row will take besides, by what they claim."""
        size = np.zeros(len(self._rows), np.int64)
        for column in columns:
            if column.type == ATTACHMENT:
                claim = self._headers(column).number(at=CLAIM)
                size += np.where(claim > LARGEST, 0, claim)  # refused before it is unpacked
        return size

    def outside(self, column: ColumnDefinition) -> Ints:
        """Bytes of each value that lie in no row of the table."""
        if column.type not in _LONG_VALUES:
            return np.zeros(len(self._rows), np.int64)
        return self._headers(column).outside

    def _headers(self, column: ColumnDefinition) -> LongValues:
        slices = self._fields.slices(column, None)
        return LongValues(self._file, self._table.name, column.name, self._rows, slices)

    def _calculated(self, column: ColumnDefinition) -> Decoded:
        """A memo has its envelope where its long value is; all others have theirs in the row."""
        if column.type in _LONG_VALUES:
            return self._long_value(column)
        return self._opened(self._file.memory, self._fields.slices(column, None), column)

    def _opened(self, memory: Memory, slices: Slices, column: ColumnDefinition) -> Decoded:
        inner, found = unwrapped(memory, slices)
        if column.type in _RESULTS:
            decoded = self._of_size(memory, inner, column, _RESULTS[column.type])
        else:
            decoded = decode_text(memory, inner, self._codec)
        return Decoded(decoded.values, (*decoded.flaws, *found))

    def _scalar(self, column: ColumnDefinition, scalar: _Scalar) -> Decoded:
        return self._of_size(self._file.memory, self._fields.slices(column, scalar.size), column, scalar)

    def _of_size(self, memory: Memory, slices: Slices, column: ColumnDefinition, scalar: _Scalar) -> Decoded:
        wrong = slices.valid & (slices.length != scalar.size)
        flaws = scalars.flaws(memory, slices, wrong, f"is not {scalar.size} bytes") if wrong.any() else ()
        valid = slices.valid & ~wrong if flaws else slices.valid
        start = slices.start if valid.all() else np.where(valid, slices.start, 0)
        decoded = scalar.decode(memory, Slices(start, slices.length, valid), column)
        return Decoded(decoded.values, (*decoded.flaws, *flaws))

    def _long_value(self, column: ColumnDefinition) -> Decoded:
        whole, chained = self._headers(column).resolve()
        if chained is None:
            return self._bytes(self._file.memory, whole, column)
        put_together = self._bytes(chained.memory, chained.slices, column)
        if len(chained.rows) == len(self._rows):
            return put_together
        rows = np.flatnonzero(whole.valid)
        in_one_piece = self._bytes(self._file.memory, whole.where(rows), column)
        return scatter(len(self._rows), [(rows, in_one_piece), (chained.rows, put_together)])

    def _bytes(self, memory: Memory, slices: Slices, column: ColumnDefinition) -> Decoded:
        if column.calculated:
            return self._opened(memory, slices, column)
        if column.type in (TEXT, MEMO):
            return decode_text(memory, slices, self._codec)
        data, offsets = memory.pack(slices.start, slices.length)
        buffers = [bitmap(slices.valid), pa.py_buffer(offsets), data]
        return Decoded(pa.Array.from_buffers(pa.large_binary(), len(slices), buffers))


def _unpacked(packed: Decoded) -> Decoded:
    """Attached files out of their wrappers; one that does not unpack is a flaw with all of its bytes."""
    valid = np.asarray(packed.values.is_valid())
    files = [memoryview(b"")] * len(valid)
    flaws = []
    for row in np.flatnonzero(valid).tolist():
        data = memoryview(packed.values[row].as_buffer())  # not copied: it may be hundreds of megabytes
        try:
            files[row] = unpack(data)
        except ValueError as error:
            valid[row] = False
            flaws.append(Flaw(row, str(error), bytes(data)))
    offsets = np.cumsum([0, *map(len, files)], dtype=np.int64)
    content = files[0] if len(files) == 1 else b"".join(files)
    buffers = [bitmap(valid), pa.py_buffer(offsets), pa.py_buffer(content)]
    return Decoded(pa.Array.from_buffers(pa.large_binary(), len(files), buffers), tuple(flaws))
