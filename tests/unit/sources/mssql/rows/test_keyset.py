"""Keys of tables: which are paged by, the condition behind one, and marks that come back to the same value."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import SqlType
from pipeline.sources.mssql.rows.keyset import Keyset, keyset_of
from pipeline.sources.mssql.schema.tables import SqlColumn, SqlTable

KOREAN = 949
_YEAR_1 = dt.datetime(1, 1, 1)  # noqa: DTZ001
_micros = st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31, 23, 59, 59, 999999))  # noqa: DTZ001


def sql_table(*keys: tuple[str, ...], **columns: str) -> SqlTable:
    made = tuple(SqlColumn(name, SqlType.parse(type), KOREAN, None) for name, type in columns.items())
    return SqlTable("t", "dbo", "t", made, keys)


def keyset(*keys: tuple[str, ...], **columns: str) -> Keyset:
    found = keyset_of(sql_table(*keys, **columns), KOREAN)
    assert found is not None
    return found


def returned(type: str, *arrays: Any) -> Any:
    """The parameter that a key of one value goes back as, by way of the ledger's JSON."""
    keys = keyset(("k",), k=type)
    (parameter,) = keys.parameters(json.loads(json.dumps(keys.mark([arrays], 0))))
    return parameter


def moment(text: str) -> tuple[dt.datetime, int]:
    """To the second, and the 100 ns beyond."""
    whole, _, fraction = text.partition(".")
    return dt.datetime.fromisoformat(whole), int(fraction)


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers(value: int) -> None:
    assert returned("bigint", pa.array([value], pa.int64())) == value


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**28) + 1, max_value=10**28 - 1))
def test_decimals(value: Decimal) -> None:
    text = returned("decimal(38,10)", pa.array([value], pa.decimal128(38, 10)))
    assert Decimal(text) == value
    assert "E" not in text


@given(st.dates())
def test_dates(value: dt.date) -> None:
    assert returned("date", pa.array([value])) == value.isoformat()


@given(_micros, st.integers(0, 9))
def test_moments_to_the_tick(value: dt.datetime, seventh: int) -> None:
    nanos = pa.array([value.microsecond * 1000 + seventh * 100], pa.int32())
    expected = value.replace(microsecond=0), value.microsecond * 10 + seventh
    assert moment(returned("datetime2(7)", pa.array([value], pa.timestamp("us")), nanos)) == expected
    zoned = returned("datetimeoffset(7)", pa.array([value], pa.timestamp("us")), nanos, pa.array([540], pa.int32()))
    assert zoned.endswith("+00:00")
    assert moment(zoned.removesuffix("+00:00")) == expected


@given(st.integers(0, 863_999_999_999))
def test_times_to_the_tick(ticks: int) -> None:
    nanos = pa.array([ticks % 10**7 * 100], pa.int32())
    text = returned("time(7)", pa.array([ticks * 100], pa.time64("ns")), nanos)
    hours, minutes, seconds = text.split(":")
    assert (int(hours) * 60 + int(minutes)) * 60 * 10**7 + int(seconds.replace(".", "")) == ticks


@pytest.mark.parametrize(
    ("micros", "shown"), [(0, ".000"), (3000, ".003"), (3333, ".003"), (6667, ".007"), (997000, ".997")]
)
def test_datetime_is_told_by_its_milliseconds(micros: int, shown: str) -> None:
    value = dt.datetime(9999, 12, 31, 23, 59, 59, micros)  # noqa: DTZ001
    assert returned("datetime", pa.array([value], pa.timestamp("us"))) == f"9999-12-31T23:59:59{shown}"


@pytest.mark.parametrize("type", ["nvarchar(20)", "varchar(40)", "varbinary(40)", "uniqueidentifier"])
@given(value=st.binary(max_size=40))
def test_bytes_of_text_binaries_and_guids(type: str, value: bytes) -> None:
    assert returned(type, pa.array([value], pa.large_binary())) == value


@pytest.mark.parametrize(
    ("type", "sql"),
    [
        ("int", "CAST(? AS int)"),
        ("decimal(9,2)", "CAST(? AS decimal(9,2))"),
        ("datetime", "CAST(? AS datetime)"),
        ("datetime2(3)", "CAST(? AS datetime2(3))"),
        ("uniqueidentifier", "CAST(CAST(? AS binary(16)) AS uniqueidentifier)"),
        ("varbinary(9)", "CAST(? AS varbinary(9))"),
        ("varchar(9)", "CAST(CAST(? AS varbinary(9)) AS varchar(9))"),
        ("nchar(9)", "CAST(CAST(? AS varbinary(18)) AS nchar(9))"),
        ("rowversion", "CAST(? AS binary(8))"),
    ],
)
def test_a_parameter_is_cast_to_the_type_of_its_column(type: str, sql: str) -> None:
    assert keyset(("k",), k=type).after == f"[k] > {sql}"


def test_the_condition_behind_a_key_of_several_columns() -> None:
    two = keyset(("a", "b]"), **{"b]": "int", "a": "bit"})
    a, b = "CAST(? AS bit)", "CAST(? AS int)"
    assert two.order == "[a], [b]]]"
    assert two.after == f"[a] >= {a} AND ([a] > {a} OR ([a] = {a} AND [b]]] > {b}))"
    assert two.parameters([1, 7]) == (1, 1, 1, 7)
    three = keyset(("a", "b", "c"), a="int", b="int", c="int")
    assert three.after.count("?") == len(three.parameters([1, 2, 3])) == 7
    assert three.parameters([1, 2, 3]) == (1, 1, 1, 2, 2, 2, 3)


@pytest.mark.parametrize(
    "type", ["real", "float", "sql_variant", "hierarchyid", "varbinary", "nvarchar", "xml", "geometry"]
)
def test_keys_that_are_passed_over(type: str) -> None:
    assert keyset_of(sql_table(("k",), k=type), KOREAN) is None
    passed = keyset_of(sql_table(("k",), ("n", "k"), ("n",), k=type, n="int"), KOREAN)
    assert passed is not None
    assert [column.name for column in passed.columns] == ["n"]


@pytest.mark.parametrize("code_page", [1252, None])
def test_text_of_another_code_page_than_the_databases_is_passed_over(code_page: int | None) -> None:
    """What is cast to varchar takes the code page of the database."""
    assert keyset_of(sql_table(("k",), k="varchar(9)"), code_page) is None
    assert keyset_of(sql_table(("k",), k="nvarchar(9)"), code_page) is not None


def _refused(type: str, mark: object) -> Callable[[], object]:
    return lambda: keyset(("k",), k=type).parameters([mark])


@pytest.mark.parametrize(
    ("type", "mark"),
    [
        *(("bit", mark) for mark in (2, True, "1")),
        *(("smallint", mark) for mark in (2**15, 1.0, None, [])),
        *(("decimal(5,2)", mark) for mark in ("NaN", "1e999999999", "x", "1" * 10_000, 5, "١" * 50)),
        *(("date", mark) for mark in (-1, 3_652_059, "2024-01-01")),
        *(("time(7)", mark) for mark in (-1, 864_000_000_000)),
        *(("datetime2(7)", mark) for mark in (-1, 3_155_378_976_000_000_000)),
        *(("nvarchar(9)", mark) for mark in ("0", "xx", 5, None)),
    ],
)
def test_marks_that_no_key_has(type: str, mark: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        _refused(type, mark)()
