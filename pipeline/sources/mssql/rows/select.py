"""How each type of SQL Server is asked for, so that no driver decodes a text or rounds a value.

`{c}` stands for the column. Text and binaries are asked for as bytes: drivers put `?` or U+FFFD where a text is
malformed, say nothing, and can take the next character with it (measured). What makes the frame's value of the
bytes is in `cells`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from pipeline.errors import UnsupportedSource
from pipeline.sources.codepage import UTF_16, codec_of
from pipeline.sources.mssql.quoting import bracketed
from pipeline.sources.mssql.rows import cells, variant
from pipeline.sources.mssql.rows.cells import Reader
from pipeline.sources.mssql.schema.tables import SqlColumn

_SEVENTH = "DATEPART(nanosecond, {c})"
_OFFSET = "DATEPART(tzoffset, {c})"
_LONG_AGO = "CAST(CAST({c} AS %s(max)) AS varbinary(max))"
_FIXED_BYTES = 17
"""The most that a value of a fixed size takes on its way."""


@dataclass(frozen=True, slots=True)
class Selected:
    """A column in the list of a SELECT."""

    column: str
    parts: tuple[str, ...]
    read: Reader
    bytes: int | None
    """The most that one value takes; None where only the server's 2 GB bound it."""


@dataclass(frozen=True, slots=True)
class _Row:
    parts: tuple[str, ...]
    reader: Callable[[SqlColumn], Reader]
    to_the_tick: bool = False
    """Whether scale 7 has a digit more than drivers give."""


def _plain(type: Any) -> _Row:
    return _Row(("{c}",), lambda _: cells.plain(type))


def _decimal(column: SqlColumn) -> Reader:
    return cells.plain(pa.decimal128(*column.type.args))


def _in_code_page(column: SqlColumn) -> Reader:
    return cells.text(codec_of(column.code_page or 0))


def _wide(_: SqlColumn) -> Reader:
    return cells.text(UTF_16)


def _binary(_: SqlColumn) -> Reader:
    return cells.plain(pa.large_binary())


_BYTES = ("CAST({c} AS varbinary({n}))",)

_ROWS = {
    "bit": _plain(pa.bool_()),
    "tinyint": _plain(pa.uint8()),
    "smallint": _plain(pa.int16()),
    "int": _plain(pa.int32()),
    "bigint": _plain(pa.int64()),
    "real": _plain(pa.float32()),
    "float": _plain(pa.float64()),
    "decimal": _Row(("{c}",), _decimal),
    "numeric": _Row(("{c}",), _decimal),
    "money": _plain(pa.decimal128(19, 4)),
    "smallmoney": _plain(pa.decimal128(10, 4)),
    "date": _plain(pa.date32()),
    "datetime": _plain(pa.timestamp("us")),
    "smalldatetime": _plain(pa.timestamp("us")),
    "time": _Row(("{c}",), lambda _: cells.clock, to_the_tick=True),
    "datetime2": _Row(("{c}",), lambda _: cells.moments, to_the_tick=True),
    "datetimeoffset": _Row(("{c}", _OFFSET), lambda _: cells.zoned_moments, to_the_tick=True),
    "char": _Row(_BYTES, _in_code_page),
    "varchar": _Row(_BYTES, _in_code_page),
    "text": _Row((_LONG_AGO % "varchar",), _in_code_page),
    "nchar": _Row(_BYTES, _wide),
    "nvarchar": _Row(_BYTES, _wide),
    "ntext": _Row((_LONG_AGO % "nvarchar",), _wide),
    "xml": _Row((_LONG_AGO % "nvarchar",), _wide),
    "json": _Row((_LONG_AGO % "nvarchar",), _wide),
    "binary": _Row(_BYTES, _binary),
    "varbinary": _Row(_BYTES, _binary),
    "image": _Row(("CAST({c} AS varbinary(max))",), _binary),
    "rowversion": _Row(("CAST({c} AS varbinary(8))",), _binary),
    "uniqueidentifier": _Row(("CAST({c} AS binary(16))",), lambda _: cells.guids),
    "hierarchyid": _Row(("CAST({c} AS varbinary(892))",), _binary),
    "geometry": _Row(("CAST({c} AS varbinary(max))",), _binary),
    "geography": _Row(("CAST({c} AS varbinary(max))",), _binary),
    "sql_variant": _Row(variant.PARTS, lambda _: variant.variants),
}


def selected(column: SqlColumn) -> Selected:
    """How a column is read; raises UnsupportedSource, which does not name the table."""
    row = _ROWS.get(column.type.name)
    if row is None:
        raise UnsupportedSource(f"column {column.name!r}: {column.type} is not read", hint="skip it in the mapping")
    try:
        reader = row.reader(column)
    except ValueError as error:
        what = f"column {column.name!r}: {error}, so its {column.type} cannot be decoded"
        raise UnsupportedSource(what, hint="skip it in the mapping") from error
    size = byte_size(column)
    parts = row.parts[:1] + (_SEVENTH,) * _seventh(row, column) + row.parts[1:]
    quoted, length = bracketed(column.name), "max" if size is None else str(size)
    return Selected(
        column.name, tuple(part.replace("{n}", length).replace("{c}", quoted) for part in parts), reader, size
    )


def byte_size(column: SqlColumn) -> int | None:
    """Bytes of the longest value; None for (max) and what is like it."""
    match column.type.name, column.type.args:
        case (("char" | "varchar" | "binary" | "varbinary"), (length,)):
            return length
        case (("nchar" | "nvarchar"), (length,)):
            return 2 * length
        case "sql_variant", _:
            return 8016
        case "hierarchyid", _:
            return 892
        case (
            ("varchar" | "varbinary" | "nvarchar" | "text" | "ntext" | "image")
            | ("xml" | "json" | "geometry" | "geography"),
            _,
        ):
            return None
        case _:
            return _FIXED_BYTES


def _seventh(row: _Row, column: SqlColumn) -> bool:
    return row.to_the_tick and (column.type.args or (7,)) == (7,)
