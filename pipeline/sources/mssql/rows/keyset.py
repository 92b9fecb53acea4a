"""Where reading goes on in a table that has a key: behind the last key read, whatever came or went before it.

A key value is kept as JSON that is exact for its type, and comes back to the server as a parameter that is cast to
the column's own type. Without the cast SQL Server converts the column or the value by its own precedence: it would
leave the index aside, and since 2016 a datetime compared with a datetime2 of the same digits is not equal to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from pipeline.sources.mssql.clients.base import Parameter
from pipeline.sources.mssql.quoting import bracketed
from pipeline.sources.mssql.rows.cells import Arrays, clock_ticks, moment_ticks
from pipeline.sources.mssql.rows.select import byte_size
from pipeline.sources.mssql.schema.tables import SqlColumn, SqlTable

_TICKS_PER_SECOND = 10_000_000
_TICKS_PER_DAY = 86_400 * _TICKS_PER_SECOND
_LAST_DAY = date.max.toordinal()
_NUMBER = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")


@dataclass(frozen=True, slots=True)
class _Kind:
    """How values of a type are kept, and how they go back."""

    cast: str
    """Of the parameter; `{t}` stands for the column's type, `{n}` for its bytes."""
    mark: Callable[[Arrays, int], object]
    parameter: Callable[[object], Parameter]
    """Raises ValueError for what is no value of the type."""


def _value(arrays: Arrays, row: int) -> Any:
    return arrays[0][row].as_py()


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(mark: object) -> int:
        if type(mark) is not int or not least <= mark <= most:
            raise ValueError(f"{mark!r} is no whole number of {least} to {most}")
        return mark

    return read


def _int(bits: int) -> _Kind:
    least = -(1 << (bits - 1))
    return _Kind("CAST(? AS {t})", lambda arrays, row: int(_value(arrays, row)), _whole(least, -1 - least))


def _exact(mark: object) -> str:
    """Digits as text: no driver then chooses a precision for them."""
    if not isinstance(mark, str) or not _NUMBER.fullmatch(mark):
        raise ValueError(f"{str(mark)[:50]!r} is no decimal number")
    return mark


def _bytes(mark: object) -> bytes:
    if not isinstance(mark, str):
        raise ValueError(f"{mark!r} is no text of hexadecimal digits")
    return bytes.fromhex(mark)


def _hex(arrays: Arrays, row: int) -> str:
    return bytes(_value(arrays, row)).hex()


def _day(days: int) -> str:
    return date.fromordinal(days + 1).isoformat()


def _clock(ticks: int) -> str:
    seconds, fraction = divmod(ticks, _TICKS_PER_SECOND)
    minutes, second = divmod(seconds, 60)
    return f"{minutes // 60:02}:{minutes % 60:02}:{second:02}.{fraction:07}"


def _moment(ticks: int) -> str:
    return f"{_day(ticks // _TICKS_PER_DAY)}T{_clock(ticks % _TICKS_PER_DAY)}"


def _timed(mark: Callable[[Arrays, int], int], most: int, shown: Callable[[int], str]) -> _Kind:
    """Kept as a number; given as text of ISO 8601, which no language setting reads in another way."""
    return _Kind("CAST(? AS {t})", mark, lambda value: shown(_whole(0, most)(value)))


def _millis(arrays: Arrays, row: int) -> int:
    """Since 0001-01-01: .000, .003 and .007 are all that datetime shows, and each stands for one value."""
    moment: datetime = _value(arrays, row)
    return (moment - datetime.min + timedelta(microseconds=500)) // timedelta(milliseconds=1)  # noqa: DTZ901


def _milli_moment(millis: int) -> str:
    return _moment(millis * 10_000)[:-4]


_DAYS = _timed(lambda arrays, row: _value(arrays, row).toordinal() - 1, _LAST_DAY - 1, _day)
_MILLIS = _timed(_millis, _LAST_DAY * 86_400_000 - 1, _milli_moment)
_TICKS = _timed(lambda arrays, row: int(moment_ticks(_row(arrays, row))[0]), _LAST_DAY * _TICKS_PER_DAY - 1, _moment)
_ZONED = _timed(
    lambda arrays, row: int(moment_ticks(_row(arrays[:-1], row))[0]),
    _LAST_DAY * _TICKS_PER_DAY - 1,
    lambda ticks: _moment(ticks) + "+00:00",
)
_TIME = _timed(lambda arrays, row: int(clock_ticks(_row(arrays, row))[0]), _TICKS_PER_DAY - 1, _clock)
_DIGITS = _Kind("CAST(? AS {t})", lambda arrays, row: f"{_value(arrays, row):f}", _exact)
_BINARY = _Kind("CAST(? AS {t})", _hex, _bytes)
_TEXT = _Kind("CAST(CAST(? AS varbinary({n})) AS {t})", _hex, _bytes)
"""As bytes, since a driver would convert it."""


def _row(arrays: Arrays, row: int) -> Arrays:
    return tuple(array.slice(row, 1) for array in arrays)


_KINDS = {
    "bit": _Kind("CAST(? AS {t})", lambda arrays, row: int(_value(arrays, row)), _whole(0, 1)),
    "tinyint": _int(9),
    "smallint": _int(16),
    "int": _int(32),
    "bigint": _int(64),
    "decimal": _DIGITS,
    "numeric": _DIGITS,
    "money": _DIGITS,
    "smallmoney": _DIGITS,
    "date": _DAYS,
    "datetime": _MILLIS,
    "smalldatetime": _MILLIS,
    "time": _TIME,
    "datetime2": _TICKS,
    "datetimeoffset": _ZONED,
    "uniqueidentifier": _Kind("CAST(CAST(? AS binary(16)) AS {t})", _hex, _bytes),
    "binary": _BINARY,
    "varbinary": _BINARY,
    "rowversion": _Kind("CAST(? AS binary(8))", _hex, _bytes),
    "nchar": _TEXT,
    "nvarchar": _TEXT,
    "char": _TEXT,
    "varchar": _TEXT,
}
"""Not here: real and float, whose equality is a matter of digits; sql_variant, hierarchyid, and what is no key."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """A column that rows are ordered by."""

    name: str
    parameter_sql: str
    kind: _Kind

    @property
    def sql(self) -> str:
        return bracketed(self.name)


@dataclass(frozen=True, slots=True)
class Keyset:
    """The columns that tell every row of a table apart and are never NULL."""

    columns: tuple[KeyColumn, ...]

    @property
    def order(self) -> str:
        return ", ".join(column.sql for column in self.columns)

    @property
    def after(self) -> str:
        """The condition of the rows behind a key, which an index on it can begin with."""
        *leading, last = self.columns
        condition = f"{last.sql} > {last.parameter_sql}"
        for column in reversed(leading):
            name, value = column.sql, column.parameter_sql
            condition = f"{name} >= {value} AND ({name} > {value} OR ({name} = {value} AND {condition}))"
        return condition

    def mark(self, arrays: Sequence[Arrays], row: int) -> list[object]:
        """The key of a row as JSON, by the arrays that arrived of each key column."""
        return [column.kind.mark(parts, row) for column, parts in zip(self.columns, arrays, strict=True)]

    def parameters(self, mark: Sequence[object]) -> tuple[Parameter, ...]:
        """Those of `after`, in its order; raises ValueError for a mark of another key."""
        if len(mark) != len(self.columns):
            raise ValueError(f"a key of {len(mark)} values, where the table's has {len(self.columns)}")
        values = [column.kind.parameter(value) for column, value in zip(self.columns, mark, strict=True)]
        return (*(value for value in values[:-1] for _ in range(3)), values[-1])


def keyset_of(table: SqlTable, code_page: int | None) -> Keyset | None:
    """The first key of a table that can be paged by, in a database of that code page; None where there is none."""
    columns = {column.name: column for column in table.columns}
    for key in table.keys:
        found = tuple(_key_columns((columns[name] for name in key if name in columns), code_page))
        if found and len(found) == len(key):
            return Keyset(found)
    return None


def _key_columns(columns: Iterator[SqlColumn], code_page: int | None) -> Iterator[KeyColumn]:
    for column in columns:
        kind = _KINDS.get(column.type.name)
        # What is cast to varchar takes the code page of the database, not that of the column.
        foreign = column.type.name in ("char", "varchar") and column.code_page != code_page
        size = byte_size(column)
        if kind is not None and not foreign and size is not None:
            cast = kind.cast.replace("{t}", str(column.type)).replace("{n}", str(size))
            yield KeyColumn(column.name, cast, kind)
