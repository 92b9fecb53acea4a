"""Values at the edges of SQL Server's types: as the tests' server holds them, as T-SQL writes them, and arrived."""

from __future__ import annotations

import datetime as dt
import struct
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.tds.types import Variant, Zoned, sql_type

_YEAR_1 = dt.datetime(1, 1, 1)  # noqa: DTZ001
_YEAR_1900 = dt.datetime(1900, 1, 1)  # noqa: DTZ001


@dataclass(frozen=True, slots=True)
class Edge:
    served: Any
    written: str
    arrived: str | None = None
    """In PostgreSQL, as text; None where that is the text of `written`."""


def ticks(text: str) -> int:
    """Of 100 ns since 0001-01-01, of a moment or of the time of a day."""
    moment, _, fraction = text.partition(".")
    if "-" not in moment:
        moment = f"0001-01-01 {moment}"
    whole: int = (dt.datetime.fromisoformat(moment) - _YEAR_1) // dt.timedelta(seconds=1)
    return whole * 10**7 + int(fraction.ljust(7, "0"))


def _since_1900(text: str, unit: dt.timedelta) -> int:
    count: int = (dt.datetime.fromisoformat(text) - _YEAR_1900) // unit
    return count


def _datetime(text: str, third: int) -> Edge:
    """`third` of 1/300 s beyond whole seconds."""
    seconds = _since_1900(text.partition(".")[0], dt.timedelta(seconds=1))
    return Edge(seconds * 300 + third, text, text.rstrip("0").rstrip(".") if "." in text else text)


def _minutes(text: str) -> Edge:
    return Edge(_since_1900(text, dt.timedelta(minutes=1)), text)


def _same(value: Any) -> Edge:
    return Edge(value, str(value))


def _bytes(raw: bytes) -> Edge:
    return Edge(raw, f"0x{raw.hex().upper()}", f"\\x{raw.hex()}")


def _text(text: str, arrived: str | None = None) -> Edge:
    return Edge(text, text, arrived)


def _clock(text: str, arrived: str | None = None) -> Edge:
    return Edge(ticks(text), text, arrived)


def _zoned(utc: str, minutes: int, written: str, arrived: str) -> Edge:
    return Edge(Zoned(ticks(utc), minutes), written, arrived)


def _variant(type: str, value: Any, text: str) -> Edge:
    return Edge(Variant(sql_type(type), value), f"{type}: {text}", f'{{"type": "{type}", "value": "{text}"}}')


_POINT = bytes.fromhex("E6100000010C") + struct.pack("<dd", 37.5665, 126.978)
_LONG = "긴 글 " * 3000
_GUID = "6f9619ff-8b86-d011-b42d-00c04fc964ff"

EDGES: dict[str, tuple[Edge, ...]] = {
    "bit": (Edge(0, "0", "false"), Edge(1, "1", "true")),
    "tinyint": (_same(0), _same(255)),
    "smallint": (_same(-(2**15)), _same(2**15 - 1)),
    "int": (_same(-(2**31)), _same(2**31 - 1)),
    "bigint": (_same(-(2**63)), _same(2**63 - 1)),
    "decimal(5,2)": (_same(Decimal("-999.99")), _same(Decimal("0.01"))),
    "decimal(38,0)": (_same(Decimal("9" * 38)), _same(Decimal("-" + "9" * 38))),
    "decimal(38,10)": (_same(Decimal("9" * 28 + "." + "9" * 10)), Edge(Decimal("-0.0000000001"), "-0.0000000001")),
    "decimal(38,38)": (
        Edge(Decimal("0." + "9" * 38), "0." + "9" * 38),
        Edge(Decimal("-0." + "0" * 37 + "1"), "-0." + "0" * 37 + "1"),
    ),
    "money": (
        _same(Decimal("-922337203685477.5808")),
        _same(Decimal("922337203685477.5807")),
        _same(Decimal("0.0001")),
    ),
    "smallmoney": (_same(Decimal("-214748.3648")), _same(Decimal("214748.3647"))),
    "real": (
        Edge(3.4028234663852886e38, "3.40282347E+38", "3.4028235e+38"),
        Edge(-1.1754943508222875e-38, "-1.17549435E-38", "-1.1754944e-38"),
        Edge(-0.0, "-0.0", "-0"),
    ),
    "float": (
        Edge(1.7976931348623157e308, "1.7976931348623157E+308", "1.7976931348623157e+308"),
        Edge(-2.2250738585072014e-308, "-2.2250738585072014E-308", "-2.2250738585072014e-308"),
        Edge(0.1 + 0.2, "0.30000000000000004"),
    ),
    "date": (
        Edge(dt.date(1, 1, 1), "0001-01-01"),
        Edge(dt.date(1582, 10, 10), "1582-10-10"),
        Edge(dt.date(9999, 12, 31), "9999-12-31"),
    ),
    "time(0)": (_clock("00:00:00"), _clock("23:59:59")),
    "time(3)": (_clock("00:00:00.001"), _clock("23:59:59.999")),
    "time(7)": (
        _clock("00:00:00.0000001", "00:00:00"),
        _clock("23:59:59.9999999", "23:59:59.999999"),
        _clock("12:34:56.1234560", "12:34:56.123456"),
    ),
    "datetime": (
        _datetime("1753-01-01 00:00:00", 0),
        _datetime("1969-12-31 23:59:59.003", 1),
        _datetime("2024-02-29 12:34:56.007", 2),
        _datetime("9999-12-31 23:59:59.997", 299),
    ),
    "smalldatetime": (_minutes("1900-01-01 00:00:00"), _minutes("2079-06-06 23:59:00")),
    "datetime2(0)": (_clock("0001-01-01 00:00:00"), _clock("9999-12-31 23:59:59")),
    "datetime2(3)": (_clock("1969-12-31 23:59:59.999"), _clock("9999-12-31 23:59:59.999")),
    "datetime2(7)": (
        _clock("0001-01-01 00:00:00.0000001", "0001-01-01 00:00:00"),
        _clock("1969-12-31 23:59:59.9999999", "1969-12-31 23:59:59.999999"),
        _clock("2024-02-29 12:34:56.1234560", "2024-02-29 12:34:56.123456"),
        _clock("9999-12-31 23:59:59.9999999", "9999-12-31 23:59:59.999999"),
    ),
    "datetimeoffset(0)": (_zoned("2024-06-30 15:00:00", 540, "2024-07-01 00:00:00 +09:00", "2024-06-30 15:00:00+00"),),
    "datetimeoffset(7)": (
        _zoned("0001-01-01 14:00:00.0000001", -840, "0001-01-01 00:00:00.0000001 -14:00", "0001-01-01 14:00:00+00"),
        _zoned(
            "2024-02-29 03:34:56.1234567", 540, "2024-02-29 12:34:56.1234567 +09:00", "2024-02-29 03:34:56.123456+00"
        ),
        _zoned(
            "9999-12-31 09:59:59.9999999", 840, "9999-12-31 23:59:59.9999999 +14:00", "9999-12-31 09:59:59.999999+00"
        ),
    ),
    "char(10)": (_text("가나다", "가나다"), _text("")),
    "varchar(20)": (_text(""), _text("똠방각하 뷁 "), _text("'; DROP TABLE x --")),
    "varchar": (_text(_LONG),),
    "text": (_text("텍스트 뷁"),),
    "nchar(5)": (_text("한글", "한글"),),
    "nvarchar(20)": (_text(""), _text("한글 😀 이모지"), _text("العربية")),
    "nvarchar": (_text(_LONG),),
    "ntext": (_text("엔텍스트 𠮷"),),
    "xml": (_text('<루트><값 a="1">1 &lt; 2</값></루트>'),),
    "json": (
        _text("null"),
        _text('{"키":"값 😀", "n":[12345678901234567890.12345678901234567890,-0.5,1e3],"n":1,"e":{}}'),
    ),
    "binary(4)": (Edge(b"\x01", "0x01", "\\x01000000"), _bytes(b"\xde\xad\xbe\xef")),
    "varbinary(8)": (_bytes(b""), _bytes(b"\0\xff\0")),
    "varbinary": (_bytes(bytes(range(256)) * 40),),
    "image": (_bytes(b"\x89PNG\0"),),
    "rowversion": (_bytes(b"\0\0\0\0\0\0\x07\xd1"),),
    "uniqueidentifier": (_same(UUID(_GUID)), _same(UUID(int=0)), _same(UUID(int=2**128 - 1))),
    "hierarchyid": (Edge(b"", "/"), Edge(b"\x58", "/1/"), Edge(b"\x5a\xc0", "/1/1/")),
    "geometry": (Edge(b"\0\0\0\0" + _POINT[4:], "POINT (37.5665 126.978), 0", "SRID=0;POINT(37.5665 126.978)"),),
    "geography": (Edge(_POINT, "POINT (126.978 37.5665), 4326", "SRID=4326;POINT(126.978 37.5665)"),),
    "sql_variant": (
        *(_variant("bit", value, str(value)) for value in (0, 1)),
        *(_variant("tinyint", value, str(value)) for value in (0, 255)),
        *(_variant("smallint", value, str(value)) for value in (-(2**15), 2**15 - 1)),
        *(_variant("int", value, str(value)) for value in (-(2**31), 2**31 - 1)),
        *(_variant("bigint", value, str(value)) for value in (-(2**63), 2**63 - 1)),
        _variant("decimal(5,2)", Decimal("12.50"), "12.50"),
        _variant("decimal(38,0)", Decimal("-" + "9" * 38), "-" + "9" * 38),
        _variant("decimal(38,38)", Decimal("0." + "0" * 37 + "1"), "0." + "0" * 37 + "1"),
        _variant("money", Decimal("-922337203685477.5808"), "-922337203685477.5808"),
        _variant("money", Decimal("922337203685477.5807"), "922337203685477.5807"),
        _variant("smallmoney", Decimal("-214748.3648"), "-214748.3648"),
        _variant("smallmoney", Decimal("0.0001"), "0.0001"),
        _variant("real", 3.4028234663852886e38, "3.4028235e+38"),
        _variant("real", -1.1754943508222875e-38, "-1.1754944e-38"),
        _variant("float", 0.1, "0.1"),
        _variant("float", 1.7976931348623157e308, "1.7976931348623157e+308"),
        _variant("date", dt.date(1, 1, 1), "0001-01-01"),
        _variant("float", 0.30000000000000004, "0.30000000000000004"),
        _variant("real", 0.10000000149011612, "0.1"),
        _variant("date", dt.date(9999, 12, 31), "9999-12-31"),
        _variant("time(0)", ticks("23:59:59"), "23:59:59.0000000"),
        _variant("time(7)", ticks("00:00:00.0000001"), "00:00:00.0000001"),
        _variant(
            "datetime",
            _since_1900("9999-12-31 23:59:59", dt.timedelta(seconds=1)) * 300 + 299,
            "9999-12-31 23:59:59.997",
        ),
        _variant(
            "smalldatetime", _since_1900("2079-06-06 23:59:00", dt.timedelta(minutes=1)), "2079-06-06 23:59:00.000"
        ),
        _variant("datetime2(3)", ticks("0001-01-01 00:00:00.001"), "0001-01-01 00:00:00.0010000"),
        _variant("datetime2(7)", ticks("9999-12-31 23:59:59.9999999"), "9999-12-31 23:59:59.9999999"),
        _variant("datetimeoffset(0)", Zoned(ticks("2024-06-30 15:00:00"), 540), "2024-07-01 00:00:00.0000000 +09:00"),
        _variant(
            "datetimeoffset(7)", Zoned(ticks("0001-01-01 14:00:00.0000001"), -840), "0001-01-01 00:00:00.0000001 -14:00"
        ),
        _variant("char(4)", "똠방", "똠방"),
        _variant("varchar(20)", "", ""),
        _variant("varchar(8000)", "가" * 4000, "가" * 4000),
        _variant("nchar(3)", "😀글", "😀글"),
        _variant("nvarchar(4000)", "한글 " * 1000, "한글 " * 1000),
        _variant("binary(3)", b"\1", "0x010000"),
        _variant("varbinary(8)", b"", "0x"),
        _variant("varbinary(8000)", bytes(range(250)) * 32, "0x" + (bytes(range(250)) * 32).hex().upper()),
        _variant("uniqueidentifier", UUID(_GUID), _GUID.upper()),
    ),
}
"""By type: `varchar` is varchar(max)."""
