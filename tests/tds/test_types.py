"""Every type at its edges, through the real drivers: as it is, and as the live source casts it."""

from __future__ import annotations

import datetime as dt
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pytest

from tests.tds.database import Database, ServedColumn, ServedTable
from tests.tds.drivers import arrow_client, freetds_client, microsoft_client, rows
from tests.tds.server import Server, serve
from tests.tds.types import TICKS_PER_DAY, Variant, Zoned, sql_type

_SECOND = 10**7
_LAST_TICK = (dt.date(9999, 12, 31).toordinal() - 1) * TICKS_PER_DAY + TICKS_PER_DAY - 1
_LEAP_DAY = (dt.date(2024, 2, 29).toordinal() - 1) * TICKS_PER_DAY
_GUID = UUID("6F9619FF-8B86-D011-B42D-00C04FC964FF")
_POINT = bytes.fromhex("E6100000010C") + bytes(range(16))
_LONG = "긴 글 " * 5000
_EVERY_BYTE = bytes(range(256)) * 100


@dataclass(frozen=True, slots=True)
class Case:
    type: str
    served: list[Any]
    arrow: list[Any] | None = None
    """As Arrow has them, times as their numbers; None: as they are served."""
    odbc: list[Any] | None = None
    select: str = "[v]"
    collation: str = "Korean_Wansung_CI_AS"

    @property
    def name(self) -> str:
        return self.type if self.select == "[v]" else f"{self.type}: {self.select}"


_LAST_SHOWN = (9999, 12, 31, 9, 59, 59, 999_999_900, -14, 0)
_at = dt.datetime.fromisoformat
_US_OF_1970 = (dt.date(1970, 1, 1).toordinal() - 1) * 86_400 * 10**6


def _us(ticks: int) -> int:
    return ticks // 10 - _US_OF_1970


PLAIN = [
    Case("bit", [0, 1], [False, True], [False, True]),
    Case("tinyint", [0, 255]),
    Case("smallint", [-(2**15), 2**15 - 1]),
    Case("int", [-(2**31), 2**31 - 1]),
    Case("bigint", [-(2**63), 2**63 - 1]),
    Case("real", [0.5, -3.4028234663852886e38]),
    Case("float", [5e-324, -1.7976931348623157e308, 0.1]),
    Case("decimal(38,10)", [Decimal("-9999999999999999999999999999.9999999999"), Decimal("0E-10")]),
    Case("decimal(38,38)", [Decimal("0." + "9" * 38), Decimal("-1E-38")]),
    Case("decimal(28,0)", [Decimal("9" * 28), Decimal("-" + "9" * 28)]),
    Case("numeric(19,4)", [Decimal("999999999999999.9999")]),
    Case("decimal(9,2)", [Decimal("-9999999.99"), Decimal("0.01")]),
    Case("money", [Decimal("-922337203685477.5808"), Decimal("922337203685477.5807"), Decimal("-0.0001")]),
    Case("smallmoney", [Decimal("-214748.3648"), Decimal("214748.3647")]),
    Case("date", [dt.date(1, 1, 1), dt.date(9999, 12, 31), dt.date(2024, 2, 29)]),
    Case("time(7)", [0, TICKS_PER_DAY - 1], [0, (TICKS_PER_DAY - 1) * 100], [dt.time(0), dt.time(23, 59, 59, 999999)]),
    Case("time(3)", [12_340_000], [1_234_000_000], [dt.time(0, 0, 1, 234000)]),
    Case("time(0)", [TICKS_PER_DAY - _SECOND], [86_399 * 10**9], [dt.time(23, 59, 59)]),
    Case(
        "datetime2(7)",
        [0, _LAST_TICK, _LEAP_DAY + 7],
        [_us(0), _us(_LAST_TICK), _us(_LEAP_DAY)],
        [_at("0001-01-01"), _at("9999-12-31 23:59:59.999999"), _at("2024-02-29")],
    ),
    Case("datetime2(3)", [_LEAP_DAY + 10_000], [_us(_LEAP_DAY + 10_000)], [_at("2024-02-29 00:00:00.001000")]),
    Case("datetime2(0)", [_LEAP_DAY + _SECOND], [_us(_LEAP_DAY + _SECOND)], [_at("2024-02-29 00:00:01")]),
    Case(
        "datetimeoffset(7)",
        [Zoned(0, 0), Zoned(_LEAP_DAY + 12_345_670, 540), Zoned(_LAST_TICK, -840)],
        [_us(0), _us(_LEAP_DAY + 12_345_670), _us(_LAST_TICK)],
        [(1, 1, 1, 0, 0, 0, 0, 0, 0), (2024, 2, 29, 9, 0, 1, 234_567_000, 9, 0), _LAST_SHOWN],
    ),
    Case(
        "datetime",
        [-53_690 * 300 * 86_400, 1, 2, 2_958_463 * 300 * 86_400 + 300 * 86_400 - 1],
        [
            _us((dt.date(1753, 1, 1).toordinal() - 1) * TICKS_PER_DAY),
            _us((dt.date(1900, 1, 1).toordinal() - 1) * TICKS_PER_DAY) + 3000,
            _us((dt.date(1900, 1, 1).toordinal() - 1) * TICKS_PER_DAY) + 7000,
            _us(_LAST_TICK + 1) - 3000,
        ],
        [
            _at("1753-01-01"),
            _at("1900-01-01 00:00:00.003000"),
            _at("1900-01-01 00:00:00.007000"),
            _at("9999-12-31 23:59:59.997000"),
        ],
    ),
    Case(
        "smalldatetime",
        [0, 65_536 * 1440 - 1],
        [
            _us((dt.date(1900, 1, 1).toordinal() - 1) * TICKS_PER_DAY),
            _us((dt.date(2079, 6, 7).toordinal() - 1) * TICKS_PER_DAY) - 60 * 10**6,
        ],
        [_at("1900-01-01"), _at("2079-06-06 23:59:00")],
    ),
    Case("uniqueidentifier", [_GUID], [str(_GUID).upper()], [str(_GUID).upper()]),
    Case("char(10)", ["가나다", ""], ["가나다    ", " " * 10], ["가나다    ", " " * 10]),
    Case("varchar(50)", ["똠방각하 서울", "", "끝 "]),
    Case("varchar(50)", ["café €"], collation="SQL_Latin1_General_CP1_CI_AS"),
    Case("varchar(max)", [_LONG, ""]),
    Case("nchar(5)", ["가"], ["가    "], ["가    "]),
    Case("nvarchar(50)", ["한글 😀", ""]),
    Case("nvarchar(max)", [_LONG + "😀", ""]),
    Case("text", ["텍스트 뷁", ""]),
    Case("ntext", ["엔텍스트 😀"]),
    Case("image", [b"\1\2", b"", _EVERY_BYTE]),
    Case("binary(4)", [b"\1"], [b"\1\0\0\0"], [b"\1\0\0\0"]),
    Case("varbinary(50)", [b"", b"\0\xff"]),
    Case("varbinary(max)", [_EVERY_BYTE, b""]),
    Case("xml", ["<루트><값>1</값></루트>"]),
    Case("rowversion", [b"\0\0\0\0\0\0\x07\xd1"]),
    Case("hierarchyid", [b"\x58", b""]),
    Case("geography", [_POINT]),
    Case("geometry", [_POINT]),
]

_MALFORMED = b"\xb0\xa1\xb0\x80A\xff"
CAST = [
    Case("varchar(20)", [_MALFORMED, "가"], [_MALFORMED, b"\xb0\xa1"], select="CAST([v] AS varbinary(20))"),
    Case("char(4)", [b"\x80A"], [b"\x80A  "], select="CAST([v] AS varbinary(4))"),
    Case("varchar(max)", [_MALFORMED * 3000], select="CAST([v] AS varbinary(max))"),
    Case("text", [_MALFORMED, b""], select="CAST(CAST([v] AS varchar(max)) AS varbinary(max))"),
    Case("nvarchar(5)", ["가😀"], ["가😀".encode("utf-16-le")], select="CAST([v] AS varbinary(10))"),
    Case("nchar(2)", [b"\x3d\xd8"], [b"\x3d\xd8 \0"], select="CAST([v] AS varbinary(4))"),
    Case("nvarchar(max)", [b"\0\xdeA\0" * 5000], select="CAST([v] AS varbinary(max))"),
    Case("ntext", ["가"], [b"\0\xac"], select="CAST(CAST([v] AS nvarchar(max)) AS varbinary(max))"),
    Case(
        "json", ['["가"]'], ['["가"]'.encode("utf-16-le")], select="CAST(CAST([v] AS nvarchar(max)) AS varbinary(max))"
    ),
    Case("xml", ["<가/>"], ["<가/>".encode("utf-16-le")], select="CAST(CAST([v] AS nvarchar(max)) AS varbinary(max))"),
    Case("binary(4)", [b"\1"], [b"\1\0\0\0"], select="CAST([v] AS varbinary(4))"),
    Case("image", [b"", _EVERY_BYTE], select="CAST([v] AS varbinary(max))"),
    Case("rowversion", [bytes(7) + b"\1"], select="CAST([v] AS varbinary(8))"),
    Case("uniqueidentifier", [_GUID], [_GUID.bytes_le], select="CAST([v] AS binary(16))"),
    Case("hierarchyid", [b"\x58", b""], select="CAST([v] AS varbinary(892))"),
    Case("geography", [_POINT], select="CAST([v] AS varbinary(max))"),
    Case("geometry", [_POINT], select="CAST([v] AS varbinary(max))"),
    Case("time(7)", [12_345_678], [234_567_800], select="DATEPART(nanosecond, [v])"),
    Case("datetime2(7)", [_LAST_TICK], [999_999_900], select="DATEPART(nanosecond, [v])"),
    Case("datetimeoffset(7)", [Zoned(_LEAP_DAY + 1, 540)], [100], select="DATEPART(nanosecond, [v])"),
    Case("datetimeoffset(0)", [Zoned(0, -840), Zoned(0, 330)], [-840, 330], select="DATEPART(tzoffset, [v])"),
    Case("int", [5], [Decimal("5.00")], select="CAST([v] AS decimal(5,2))"),
    Case("money", [Decimal("-1.2345")], ["-1.2345"], select="CONVERT(nvarchar(40), [v], 2)"),
    Case("float", [0.1], ["1.0000000000000001e-001"], select="CONVERT(nvarchar(40), [v], 3)"),
    Case("datetime", [2], ["1900-01-01 00:00:00.007"], select="CONVERT(nvarchar(40), [v], 121)"),
    Case("datetime2(7)", [1], ["0001-01-01 00:00:00.0000001"], select="CONVERT(nvarchar(40), [v], 121)"),
    Case("datetimeoffset(0)", [Zoned(0, 90)], ["0001-01-01 01:30:00 +01:30"], select="CAST([v] AS nvarchar(40))"),
    Case("uniqueidentifier", [_GUID], [str(_GUID).upper()], select="CAST([v] AS nvarchar(36))"),
    Case("varbinary(5)", [b"\0\xab"], ["0x00AB"], select="CONVERT(nvarchar(max), [v], 1)"),
    Case("varbinary(5)", [b"\0\xab"], ["00AB"], select="CONVERT(varchar(max), [v], 2)"),
    Case(
        "sql_variant",
        [Variant(sql_type("int"), 5), Variant(sql_type("nvarchar(9)"), "변"), Variant(sql_type("money"), Decimal(1))],
        ["int", "nvarchar", "money"],
        select="CAST(SQL_VARIANT_PROPERTY([v], 'BaseType') AS nvarchar(128))",
    ),
    Case(
        "sql_variant",
        [Variant(sql_type("int"), -5), Variant(sql_type("nvarchar(9)"), "변형"), Variant(sql_type("bit"), 1)],
        ["-5", "변형", None],
        select="CASE SQL_VARIANT_PROPERTY([v], 'BaseType') WHEN 'int' THEN CONVERT(nvarchar(max), CAST([v] AS int)) "
        "WHEN N'nvarchar' THEN CAST([v] AS nvarchar(max)) END",
    ),
]
CASES = [*PLAIN, *CAST]


def _tables() -> Iterator[ServedTable]:
    for number, case in enumerate(CASES):
        held = [(value,) for value in case.served]
        nullable = ServedColumn("v", case.type, collation=case.collation)
        yield ServedTable("dbo", f"nullable{number}", [nullable], [*held, (None,)])
        yield ServedTable("dbo", f"full{number}", [ServedColumn("v", case.type, False, case.collation)], held)


@pytest.fixture(scope="module")
def types() -> Iterator[Server]:
    with serve(Database("shop", tables=list(_tables()))) as server:
        yield server


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_mssql_python_has_every_value_in_arrow(types: Server, case: Case) -> None:
    number, expected = CASES.index(case), case.served if case.arrow is None else case.arrow
    with arrow_client(types) as connection:
        assert _arrow(connection, f"SELECT {case.select} AS [v] FROM [dbo].[nullable{number}]") == [*expected, None]
        assert _arrow(connection, f"SELECT {case.select} AS [v] FROM [dbo].[full{number}]") == expected


def _arrow(connection: Any, statement: str) -> list[Any]:
    cursor = connection.cursor()
    cursor.execute(statement)
    column = pa.Table.from_batches(cursor.arrow_reader()).column("v")
    return list(
        (
            column.cast(pa.int64()) if pa.types.is_timestamp(column.type) or pa.types.is_time(column.type) else column
        ).to_pylist()
    )


_ODBC_UDT, _ODBC_OFFSET, _ODBC_VARIANT = -151, -155, -150
"""Types that pyodbc leaves to the program; ODBC has a datetimeoffset as local time with its offset, to the tick."""


@pytest.mark.parametrize("client", [microsoft_client, freetds_client], ids=["msodbcsql", "FreeTDS"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_pyodbc_has_every_value(types: Server, case: Case, client: Any) -> None:
    number, expected = CASES.index(case), case.odbc or case.arrow or case.served
    with client(types) as connection:
        connection.add_output_converter(_ODBC_UDT, bytes)
        connection.add_output_converter(_ODBC_OFFSET, struct.Struct("<hHHHHHIhh").unpack)
        nullable = rows(connection, f"SELECT {case.select} AS [v] FROM [dbo].[nullable{number}]")
        full = rows(connection, f"SELECT {case.select} AS [v] FROM [dbo].[full{number}]")
    assert ([value for (value,) in nullable], [value for (value,) in full]) == ([*expected, None], expected)


def test_a_variant_tells_its_base_type_on_the_wire(types: Server) -> None:
    """Read by msodbcsql, which gives the form of its base type in C; Arrow has none for it."""
    number = next(at for at, case in enumerate(CASES) if case.type == "sql_variant")
    with microsoft_client(types) as connection:
        connection.add_output_converter(_ODBC_VARIANT, bytes)
        found = rows(connection, f"SELECT [v] FROM [dbo].[nullable{number}]")
    assert found == [(struct.pack("<i", 5),), ("변".encode("utf-16-le"),), (struct.pack("<iI", 0, 10_000),), (None,)]
    with arrow_client(types) as connection, pytest.raises(RuntimeError, match="Unsupported data type"):
        _arrow(connection, f"SELECT [v] FROM [dbo].[nullable{number}]")
