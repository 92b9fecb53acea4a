"""What drivers call by themselves, as far as their behaviour depends on the answer."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from tests.tds.database import Result, Row, ServedColumn
from tests.tds.parameters import Parameter
from tests.tds.tokens import ServerError
from tests.tds.types import SqlType

_TYPE_COLUMNS = (
    ServedColumn("TYPE_NAME", "sysname", nullable=False),
    ServedColumn("DATA_TYPE", "smallint", nullable=False),
    ServedColumn("PRECISION", "int"),
    ServedColumn("LITERAL_PREFIX", "varchar(32)"),
    ServedColumn("LITERAL_SUFFIX", "varchar(32)"),
    ServedColumn("CREATE_PARAMS", "varchar(32)"),
    ServedColumn("NULLABLE", "smallint", nullable=False),
    ServedColumn("CASE_SENSITIVE", "smallint", nullable=False),
    ServedColumn("SEARCHABLE", "smallint", nullable=False),
    ServedColumn("UNSIGNED_ATTRIBUTE", "smallint"),
    ServedColumn("MONEY", "smallint", nullable=False),
    ServedColumn("AUTO_INCREMENT", "smallint"),
    ServedColumn("LOCAL_TYPE_NAME", "sysname"),
    ServedColumn("MINIMUM_SCALE", "smallint"),
    ServedColumn("MAXIMUM_SCALE", "smallint"),
    ServedColumn("SQL_DATA_TYPE", "smallint"),
    ServedColumn("SQL_DATETIME_SUB", "smallint"),
    ServedColumn("NUM_PREC_RADIX", "int"),
    ServedColumn("INTERVAL_PRECISION", "smallint"),
    ServedColumn("USERTYPE", "smallint"),
)
_ODBC_TYPES = {
    12: (("varchar", 8000, "max length", None),),
    -9: (("nvarchar", 4000, "max length", None), ("sysname", 128, None, None)),
    -3: (("varbinary", 8000, "max length", None),),
    93: (("datetime2", 27, "scale", 7), ("datetime", 23, None, 3), ("smalldatetime", 16, None, 0)),
}
"""By ODBC's number of a type, those of SQL Server, the closest first: name, precision, what it takes, most scale.

pyodbc asks for these when it connects. Without an answer it cuts the parameters it sends: moments to whole seconds.
"""


def _data_types(parameters: Sequence[Parameter]) -> Result:
    number = int(parameters[0].value)
    if number not in _ODBC_TYPES:
        raise ServerError(2812, f"this server does not know sp_datatype_info of {number}")
    return Result(_TYPE_COLUMNS, [_type_row(number, *type) for type in _ODBC_TYPES[number]])


def _type_row(number: int, name: str, precision: int, takes: str | None, scale: int | None) -> Row:
    quote = "0x" if number == -3 else "'"
    time = number == 93
    head = (name, number, precision, quote, None if number == -3 else quote, takes, 1, 0, 3, None, 0, None, name)
    return (*head, 0 if time else None, scale, 9 if time else number, 3 if time else None, None, None, 0)


def batch_call(statement: str) -> Result | None:
    """FreeTDS writes its calls as a batch: `sp_datatype_info_100 93,3`."""
    match = re.fullmatch(r"\s*(?:exec(?:ute)?\s+)?(sp_datatype_info(?:_100)?)\s+(-?\d+)\s*,\s*\d+\s*", statement)
    return PROCEDURES[match[1]]([Parameter("", SqlType("int"), int(match[2]))]) if match else None


PROCEDURES: dict[str, Callable[[Sequence[Parameter]], Result]] = {
    "sp_datatype_info": _data_types,
    "sp_datatype_info_100": _data_types,
}
