"""Column types of sys.columns as values, with alias types resolved to what they stand for."""

from __future__ import annotations

from pipeline.catalog import SqlType
from pipeline.sources.mssql.schema.answers import Row

_SIZED = {"char": 1, "varchar": 1, "nchar": 2, "nvarchar": 2, "binary": 1, "varbinary": 1}
"""Bytes that the declared length counts in."""
_NUMBERS = {"decimal", "numeric"}
_TIMES = {"time", "datetime2", "datetimeoffset"}
_OTHER_NAMES = {"timestamp": "rowversion", "sysname": "nvarchar"}
_SERVERS_OWN = "sys"
_MAX = -1


def column_type(row: Row) -> SqlType:
    """The type of a row of queries/columns.sql: `app.Point` for one of the user's own assemblies."""
    word = _word(row)
    if word in _SIZED:
        length = row["max_length"]
        return SqlType(word) if length == _MAX else SqlType(word, (length // _SIZED[word],))
    if word in _NUMBERS:
        return SqlType(word, (row["precision"], row["scale"]))
    if word in _TIMES:
        return SqlType(word, (row["scale"],))
    return SqlType(word)


def most_bytes(row: Row) -> int | None:
    return row["max_length"] if _word(row) in _SIZED and row["max_length"] != _MAX else None


def _word(row: Row) -> str:
    """What of the server's own a type is by its own name: within, a vector is a varbinary, and would be read as one."""
    schema, name = row["type_schema"], row["type_name"]
    if schema != _SERVERS_OWN and row["base_type"] is None:
        # No rule has it, so the plan stops at it; a login is not shown every type of the user's.
        return f"{schema}.{name}" if name else "of a type that is not shown"
    word = str(name if schema == _SERVERS_OWN else row["base_type"]).lower()
    return _OTHER_NAMES.get(word, word)
