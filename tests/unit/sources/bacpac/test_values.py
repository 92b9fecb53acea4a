"""Every type at its edges, in columns that take NULL and in columns that do not."""

from __future__ import annotations

import math
import struct
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import DamagedSource, UnsupportedSource
from pipeline.sources.bacpac import BacpacSource
from tests.unit.sources.bacpac.export import Made, export, model, rows, table_element

TABLE = ("dbo", "T")
DAY = 864_000_000_000
"""Ticks of 100 ns."""
GUID = uuid.UUID("00112233-4455-6677-8899-aabbccddeeff")


def write(path: Path, columns: Sequence[Made], values: Sequence[Sequence[object]]) -> Path:
    data = {"dbo.T/TableData-000-00000": rows(columns, values)}
    return export(path / "t.bacpac", model(table_element(TABLE, columns)), data)


def read(path: Path, columns: Sequence[Made], values: Sequence[Sequence[object]]) -> pl.DataFrame:
    with BacpacSource(write(path, columns, values)) as source:
        assert source.count("T") == len(values)
        return pl.concat(batch.frame for batch in source.batches("T", batch_rows=1000))


def days(of: date) -> int:
    return of.toordinal() - 1


def kept(ticks: int, scale: int) -> int:
    """What a column of that scale keeps of a time."""
    return ticks - ticks % 10 ** (7 - scale)


def clock(ticks: int) -> bytes:
    """Of any scale: bcp does not store it."""
    return ticks.to_bytes(5, "little")


def moment(day: date, ticks: int) -> bytes:
    return clock(ticks) + days(day).to_bytes(3, "little")


def zoned(day: date, ticks: int, minutes: int) -> bytes:
    return moment(day, ticks) + struct.pack("<h", minutes)


def datetime_bytes(day: date, three_hundredths: int) -> bytes:
    return struct.pack("<iI", day.toordinal() - date(1900, 1, 1).toordinal(), three_hundredths)


FIRST, LAST = date(1, 1, 1), date(9999, 12, 31)
LAST_TICK = DAY - 1
MOMENTS = ((FIRST, 0), (date(2024, 2, 29), 12_345_678_901), (LAST, LAST_TICK))
ZONED = pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})
CASES: dict[str, tuple[pl.DataType, list[tuple[object, object]]]] = {
    "bit": (pl.Boolean(), [(0, False), (1, True)]),
    "tinyint": (pl.UInt8(), [(0, 0), (254, 254), (255, 255)]),
    "smallint": (pl.Int16(), [(-(2**15), -(2**15)), (-1, -1), (2**15 - 1, 2**15 - 1)]),
    "int": (pl.Int32(), [(-(2**31), -(2**31)), (-1, -1), (2**31 - 1, 2**31 - 1)]),
    "bigint": (pl.Int64(), [(-(2**63), -(2**63)), (-1, -1), (2**63 - 1, 2**63 - 1)]),
    "real": (pl.Float32(), [(-3.4028234663852886e38, -3.4028234663852886e38), (1.5, 1.5), (-0.0, -0.0)]),
    "float": (pl.Float64(), [(-1.7976931348623157e308, -1.7976931348623157e308), (5e-324, 5e-324), (0.1, 0.1)]),
    "money": (
        pl.Decimal(19, 4),
        [
            (Decimal("-922337203685477.5808"), Decimal("-922337203685477.5808")),
            (Decimal("-0.0001"), Decimal("-0.0001")),
            (Decimal("922337203685477.5807"), Decimal("922337203685477.5807")),
        ],
    ),
    "smallmoney": (
        pl.Decimal(10, 4),
        [
            (Decimal("-214748.3648"), Decimal("-214748.3648")),
            (Decimal("214748.3647"), Decimal("214748.3647")),
        ],
    ),
    "decimal(38,0)": (pl.Decimal(38, 0), [(Decimal(10**38 - 1), Decimal(10**38 - 1)), (Decimal(0), Decimal(0))]),
    "decimal(38,38)": (pl.Decimal(38, 38), [(Decimal("-1e-38"), Decimal("-1e-38"))]),
    "numeric(18,4)": (pl.Decimal(18, 4), [(Decimal("-99999999999999.9999"), Decimal("-99999999999999.9999"))]),
    "decimal(1,0)": (pl.Decimal(1, 0), [(Decimal(-9), Decimal(-9)), (Decimal(9), Decimal(9))]),
    "date": (
        pl.Date(),
        [(days(one).to_bytes(3, "little"), one) for one in (FIRST, date(1969, 12, 31), date(2024, 2, 29), LAST)],
    ),
    **{
        f"time({scale})": (
            pl.Int64(),
            [(clock(at), at) for at in (kept(full, scale) for full in (0, 12_345_678_901, LAST_TICK))],
        )
        for scale in range(8)
    },
    **{
        f"datetime2({scale})": (
            pl.Int64(),
            [(moment(day, kept(at, scale)), days(day) * DAY + kept(at, scale)) for day, at in MOMENTS],
        )
        for scale in range(8)
    },
    **{
        f"datetimeoffset({scale})": (
            ZONED,
            [
                (zoned(day, at, offset), {"ticks": days(day) * DAY + at, "offset": offset})
                for (day, full), offset in zip(MOMENTS, (0, 540, -840), strict=True)
                for at in [kept(full, scale)]
            ],
        )
        for scale in range(8)
    },
    "datetime": (
        pl.Datetime("us"),
        [
            (datetime_bytes(date(1753, 1, 1), 0), "1753-01-01 00:00:00.000"),
            (datetime_bytes(date(1899, 12, 31), 1), "1899-12-31 00:00:00.003"),
            (datetime_bytes(date(1900, 1, 1), 2), "1900-01-01 00:00:00.007"),
            (datetime_bytes(date(2024, 2, 29), 3), "2024-02-29 00:00:00.010"),
            (datetime_bytes(LAST, 300 * 86400 - 1), "9999-12-31 23:59:59.997"),
        ],
    ),
    "smalldatetime": (
        pl.Datetime("us"),
        [
            (struct.pack("<HH", 0, 0), "1900-01-01 00:00:00.000"),
            (struct.pack("<HH", 65535, 1439), "2079-06-06 23:59:00.000"),
        ],
    ),
    "char(3)": (pl.String(), [("abc", "abc"), ("가  ", "가  ")]),
    "varchar(8000)": (pl.String(), [("", ""), ("가" * 8000, "가" * 8000)]),
    "varchar(max)": (pl.String(), [("", ""), ("x" * 20000, "x" * 20000)]),
    "nchar(2)": (pl.String(), [("😀", "😀"), ("ab", "ab")]),
    "nvarchar(20)": (pl.String(), [("", ""), ("é가😀\0￿", "é가😀\0￿")]),
    "nvarchar(max)": (pl.String(), [("", ""), ("한글😀" * 5000, "한글😀" * 5000)]),
    "text": (pl.String(), [("", ""), ("old", "old")]),
    "ntext": (pl.String(), [("글", "글")]),
    "xml": (pl.String(), [("<a>글</a>", "<a>글</a>")]),
    "binary(4)": (pl.Binary(), [(b"\0\0\0\0", b"\0\0\0\0"), (b"\xff\xff\xff\xff", b"\xff\xff\xff\xff")]),
    "varbinary(4)": (pl.Binary(), [(b"", b""), (b"\xff" * 4, b"\xff" * 4)]),
    "varbinary(max)": (pl.Binary(), [(b"", b""), (b"\xff" * 9000, b"\xff" * 9000)]),
    "image": (pl.Binary(), [(b"\0", b"\0")]),
    "hierarchyid": (pl.Binary(), [(b"", b""), (b"\x58", b"\x58")]),
    "geography": (pl.Binary(), [(b"\xe6\x10\0\0\x01\x0c", b"\xe6\x10\0\0\x01\x0c")]),
    "geometry": (pl.Binary(), [(b"\0\0\0\0\x01\x04", b"\0\0\0\0\x01\x04")]),
    "rowversion": (pl.Binary(), [(b"\0\0\0\0\0\0\x07\xd1", b"\0\0\0\0\0\0\x07\xd1")]),
    "uniqueidentifier": (pl.Binary(), [(GUID, GUID.bytes)]),
}


@pytest.mark.parametrize("nullable", [False, True])
@pytest.mark.parametrize("type", CASES)
def test_edges(tmp_path: Path, type: str, nullable: bool) -> None:
    """Between two other columns, so that a value that is too long or short shows."""
    dtype, pairs = CASES[type]
    columns = [Made("before", "int", nullable=False), Made("v", type, nullable), Made("after", "nvarchar(9)")]
    given = [raw for raw, _ in pairs] + [None] * nullable
    expected = [value for _, value in pairs] + [None] * nullable
    frame = read(tmp_path, columns, [(at, value, f"row {at}") for at, value in enumerate(given)])
    values = frame["v"]
    assert values.dtype == dtype
    found = values.dt.strftime("%Y-%m-%d %H:%M:%S%.3f") if isinstance(dtype, pl.Datetime) else values
    assert found.to_list() == expected
    assert frame["before"].to_list() == list(range(len(given)))
    assert frame["after"].to_list() == [f"row {at}" for at in range(len(given))]


def test_a_negative_zero_and_what_is_no_number_keep_their_bits(tmp_path: Path) -> None:
    columns = [Made("v", "float")]
    values = read(tmp_path, columns, [(-0.0,), (math.nan,), (math.inf,)])["v"].to_list()
    assert math.copysign(1, values[0]) == -1
    assert math.isnan(values[1])
    assert values[2] == math.inf


def test_columns_without_lengths_take_no_walk(tmp_path: Path) -> None:
    columns = [
        Made("a", "int", nullable=False),
        Made("b", "char(2)", nullable=False),
        Made("c", "date", nullable=False),
    ]
    day = days(date(2020, 1, 2)).to_bytes(3, "little")
    frame = read(tmp_path, columns, [(at, "ab", day) for at in range(1000)])
    assert frame.to_dicts()[999] == {"a": 999, "b": "ab", "c": date(2020, 1, 2)}


def test_half_of_a_pair_is_a_defect_with_the_nearest_text(tmp_path: Path) -> None:
    columns = [Made("id", "int", nullable=False), Made("v", "nvarchar(5)")]
    given = [(1, "ok"), (2, "a\ud83d"), (3, "\ude00b"), (4, None), (5, "😀")]
    with BacpacSource(write(tmp_path, columns, given)) as source:
        (batch,) = source.batches("T", batch_rows=10)
    assert batch.frame["v"].to_list() == ["ok", None, None, None, "😀"]
    assert [(one.row, one.column, one.replacement) for one in batch.defects] == [(1, "v", "a�"), (2, "v", "�b")]
    assert batch.defects[0].raw == "a\ud83d".encode("utf-16-le", "surrogatepass")


@pytest.mark.parametrize(
    ("type", "raw"),
    [
        ("bit", b"\x02"),
        ("decimal(5,2)", bytes([5, 2, 1]) + (10**5).to_bytes(16, "little")),
        ("decimal(5,2)", bytes([6, 2, 1]) + (1).to_bytes(16, "little")),
        ("decimal(5,2)", bytes([5, 3, 1]) + (1).to_bytes(16, "little")),
        ("decimal(5,2)", bytes([5, 2, 2]) + (1).to_bytes(16, "little")),
        ("date", (days(LAST) + 1).to_bytes(3, "little")),
        ("time(7)", clock(DAY)),
        ("time(0)", clock(DAY)),
        *((f"time({scale})", clock(10 ** (6 - scale))) for scale in range(7)),
        ("datetime2(7)", moment(FIRST, DAY)),
        ("datetime2(7)", clock(0) + b"\xff\xff\xff"),
        *((f"datetime2({scale})", moment(LAST, 10 ** (6 - scale))) for scale in range(7)),
        ("datetimeoffset(7)", zoned(LAST, 0, 841)),
        *((f"datetimeoffset({scale})", zoned(FIRST, 10 ** (6 - scale), 0)) for scale in range(7)),
        ("datetime", datetime_bytes(date(1752, 12, 31), 0)),
        ("datetime", datetime_bytes(LAST, 300 * 86400)),
        ("smalldatetime", struct.pack("<HH", 0, 1440)),
    ],
)
def test_what_sql_server_cannot_have_written_stops_the_reading(tmp_path: Path, type: str, raw: bytes) -> None:
    columns = [Made("id", "int", nullable=False), Made("v", type)]
    path = write(tmp_path, columns, [(1, None), (2, raw)])
    with BacpacSource(path) as source, pytest.raises(DamagedSource, match=r"row 2 of the file: column 'v' holds"):
        list(source.batches("T", batch_rows=10))


@pytest.mark.parametrize(
    ("type", "raw"),
    [
        ("time(0)", (1).to_bytes(3, "little")),
        ("time(4)", (1).to_bytes(4, "little")),
        ("datetime2(3)", (1).to_bytes(4, "little") + b"\0\0\0"),
        ("datetimeoffset(2)", (1).to_bytes(3, "little") + b"\0\0\0" + b"\0\0"),
    ],
)
def test_times_as_short_as_their_scale_would_be_are_no_times(tmp_path: Path, type: str, raw: bytes) -> None:
    """A length that the wire protocol has, and bcp has not."""
    path = write(tmp_path, [Made("id", "int", nullable=False), Made("v", type)], [(1, raw), (2, raw)])
    with BacpacSource(path) as source, pytest.raises(DamagedSource, match="column 'v'"):
        source.count("T")


@pytest.mark.parametrize("type", ["json", "vector"])
def test_a_type_of_unknown_form_is_refused_by_name(tmp_path: Path, type: str) -> None:
    with (
        BacpacSource(export(tmp_path / "t.bacpac", model(table_element(TABLE, [Made("v", type)])), {})) as source,
        pytest.raises(UnsupportedSource, match=f"column 'v': how a .bacpac holds {type} is not known"),
    ):
        source.count("T")


def test_sql_variant_is_passed_over_and_never_guessed(tmp_path: Path) -> None:
    columns = [Made("a", "int"), Made("v", "sql_variant"), Made("b", "int")]
    with BacpacSource(write(tmp_path, columns, [(1, b"anything", 2), (3, None, 4)])) as source:
        (batch,) = source.batches("T", batch_rows=10, columns=("a", "b"))
        assert batch.frame.rows() == [(1, 2), (3, 4)]
        with pytest.raises(UnsupportedSource, match="sql_variant is not read"):
            source.batches("T", batch_rows=10)


def test_moments_are_those_of_utc(tmp_path: Path) -> None:
    """12:00 in Seoul is stored as 03:00, with 540 minutes beside it."""
    utc = datetime(2024, 5, 1, 3, tzinfo=UTC)
    raw = zoned(utc.date(), 3 * 3600 * 10**7, 540)
    (value,) = read(tmp_path, [Made("v", "datetimeoffset(7)")], [(raw,)])["v"].to_list()
    ticks = int((utc - datetime(1, 1, 1, tzinfo=UTC)).total_seconds()) * 10**7
    assert value == {"ticks": ticks, "offset": 540}
