"""pyodbc: any ODBC driver that the user names, with results in the Arrow types of `ArrowClient`."""

from __future__ import annotations

import datetime as dt
import re
import struct
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from decimal import Decimal
from typing import Any

import pyarrow as pa

from pipeline.errors import SourceError, UnsupportedSource
from pipeline.sources.mssql.clients.base import LOGIN_TIMEOUT_S, Batches, Login, Parameter
from pipeline.sources.mssql.refusal import refusal

_LIBRARIES = "on Debian and Ubuntu: apt-get install libodbc2; or leave out MSSQL_ODBC_DRIVER"
_TIME, _MOMENT = -154, -155
"""Types that are SQL Server's own in ODBC: SQL_SS_TIME2 and SQL_SS_TIMESTAMPOFFSET; pyodbc hands over their structs."""
_TIME_STRUCT = struct.Struct("<3H2xI")
_MOMENT_STRUCT = struct.Struct("<h5HI2h")
_MOMENTS = pa.timestamp("us", tz="+00:00")
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001 (UTC throughout)
_BY_PYTHON_TYPE: dict[type, pa.DataType] = {
    bool: pa.bool_(),
    dt.date: pa.date32(),
    dt.datetime: pa.timestamp("us"),
    dt.time: pa.time64("ns"),
    bytearray: pa.large_binary(),
}
_BY_PRECISION: dict[type, dict[int, pa.DataType]] = {
    int: {3: pa.uint8(), 5: pa.int16(), 10: pa.int32(), 19: pa.int64()},
    float: {24: pa.float32(), 53: pa.float64()},
}
_SAID = re.compile(r"^(?:\[[^\]]*\] ?)+|\s*\((\d+)\) \(SQL\w+\)")


class OdbcClient:
    """As `Client`."""

    def __init__(self, login: Login) -> None:
        self._name = login.name
        driver = _driver()
        self._error: type[Exception] = driver.Error
        with self._translated("connecting"):
            self._connection = driver.connect(login.text, autocommit=True, timeout=LOGIN_TIMEOUT_S)

    def execute(self, sql: str) -> None:
        with self._translated("a statement"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)

    def rows(self, sql: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[str, Any]]:
        with self._translated("a query"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, *parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def stream(self, sql: str, parameters: tuple[Parameter, ...] = (), *, batch_rows: int) -> Batches:
        with self._translated("reading rows"), closing(self._connection.cursor()) as cursor:
            # pyodbc tells a type in Python's words, and one that has a converter it calls str: a time can only be seen
            # while it has none, and a datetimeoffset, else as binary as others, only while it has one.
            self._connection.remove_output_converter(_TIME)
            self._connection.add_output_converter(_MOMENT, _microseconds)
            cursor.execute(sql, *parameters)
            described = cursor.description
            self._connection.add_output_converter(_TIME, _nanoseconds)
            schema: pa.Schema | None = None
            while rows := cursor.fetchmany(batch_rows):
                columns = list(zip(*rows, strict=True))
                if schema is None:
                    schema = _schema(described, columns)
                arrays = [_array(column, kind) for column, kind in zip(columns, schema.types, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def close(self) -> None:
        with suppress(self._error):  # of a connection that is lost
            self._connection.close()

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except UnicodeDecodeError as error:
            raise SourceError(f"{self._name}: {what}: the server sent a text that is no utf-16") from error
        except self._error as error:
            state, text = (*map(str, error.args), "", "")[:2]
            numbers = [int(number) for number in _SAID.findall(text) if number]
            said = _SAID.sub("", text) or state
            raise refusal(f"{self._name}: {what}", said, state=state, number=next(iter(numbers), None)) from error


def registered() -> list[str]:
    """The drivers that this machine's ODBC knows by name."""
    return list(_driver().drivers())


def _driver() -> Any:
    try:
        import pyodbc
    except ImportError as error:
        raise SourceError(f"pyodbc cannot be loaded: {error}", hint=_LIBRARIES) from error
    pyodbc.pooling = False  # a pooled connection would bring another session's transaction and settings
    return pyodbc


def _schema(described: Sequence[Sequence[Any]], columns: Sequence[Sequence[Any]]) -> pa.Schema:
    pairs = zip(described, columns, strict=True)
    return pa.schema([pa.field(column[0], _type(column, values), nullable=column[6]) for column, values in pairs])


def _type(column: Sequence[Any], values: Sequence[Any]) -> pa.DataType:
    name, kind, _, _, precision, scale, _ = column
    if kind in _BY_PRECISION and precision in _BY_PRECISION[kind]:
        return _BY_PRECISION[kind][precision]
    if kind is Decimal:
        return pa.decimal128(precision, scale)
    if kind is str:
        return _MOMENTS if _is_moment(precision, scale, values) else pa.large_string()
    if kind in _BY_PYTHON_TYPE:
        return _BY_PYTHON_TYPE[kind]
    raise UnsupportedSource(f"column {name!r}: the odbc driver gives {kind!r} of {precision} digits, which is not read")


def _is_moment(precision: int, scale: int, values: Sequence[Any]) -> bool:
    """Whether a column is a datetimeoffset(s), told by its 26 characters and the digits of its seconds.

    nvarchar(26) looks like datetimeoffset(0), so that values decide, and NULLs alone count as moments.
    """
    if precision != (27 + scale if scale else 26):
        return False
    return scale > 0 or not any(isinstance(value, str) for value in values)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    if pa.types.is_time64(kind) or kind == _MOMENTS:
        return pa.array(values, pa.int64()).cast(kind)
    return pa.array(values, kind)


def _nanoseconds(raw: bytes) -> int:
    hours, minutes, seconds, fraction = _TIME_STRUCT.unpack(raw)
    return int(((hours * 60 + minutes) * 60 + seconds) * 10**9 + fraction)


def _microseconds(raw: bytes) -> int:
    """Of the moment, since 1970 in UTC; the struct holds the time of the place, and its offset."""
    year, month, day, hour, minute, second, fraction, ahead_h, ahead_min = _MOMENT_STRUCT.unpack(raw)
    local = dt.datetime(year, month, day, hour, minute, second) - _EPOCH  # noqa: DTZ001
    seconds = local.days * 86_400 + local.seconds - (ahead_h * 60 + ahead_min) * 60
    return int(seconds) * 1_000_000 + int(fraction) // 1000
