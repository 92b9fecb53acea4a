"""Casts pair by pair: exact, or refused, or rounded and recorded."""

# ruff: noqa: DTZ001  (a timestamp without a zone has none)

from __future__ import annotations

import datetime as dt
from decimal import ROUND_HALF_UP, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.catalog import SqlType
from pipeline.postgres.wire import frame_dtype
from pipeline.transform.types import _CASTS, CONVERTERS, Cast, Fit, Fraction, Required, castable

NAN, INF = float("nan"), float("inf")
MIDNIGHT = dt.datetime(2024, 2, 29)
FIVE_PM = dt.datetime(1899, 12, 30, 17, 0, 0, 5)
UUID = bytes.fromhex("6f9619ff8b86d011b42d00cf4fc964ff")
REFUSED = object()

# source dtype, PostgreSQL type, then value -> what arrives exactly, or REFUSED
EXACT: list[tuple[pl.DataType, str, dict[object, object]]] = [
    (pl.UInt8(), "smallint", {0: 0, 255: 255}),
    (pl.Int64(), "integer", {2**31 - 1: 2**31 - 1, 2**31: REFUSED, -(2**31): -(2**31), -(2**31) - 1: REFUSED}),
    (pl.Int64(), "double precision", {2**53: 2.0**53, 2**53 + 1: REFUSED, 2**63 - 1: REFUSED, -(2**63): -(2.0**63)}),
    (pl.Int64(), "numeric(5,2)", {999: Decimal(999), 1000: REFUSED, -999: Decimal(-999)}),
    (pl.Int16(), "boolean", {0: False, 1: True, -1: True, 2: REFUSED}),
    (pl.Int32(), "text", {-7: "-7"}),
    (pl.Float64(), "integer", {1.0: 1, 1.5: REFUSED, NAN: REFUSED, INF: REFUSED, 3e9: REFUSED, -0.0: 0}),
    (pl.Float64(), "real", {0.5: 0.5, 0.1: REFUSED, 1e300: REFUSED, INF: INF}),
    (pl.Float64(), "numeric(19,4)", {0.1: Decimal("0.1"), 1e-5: REFUSED, NAN: REFUSED, INF: REFUSED, 1e16: REFUSED}),
    (pl.Float64(), "numeric(38,10)", {1e25: Decimal(10) ** 25, 1e-10: Decimal("1e-10"), -1e28: REFUSED}),
    (pl.Float32(), "numeric(5,2)", {999.99: Decimal("999.99"), 1000.0: REFUSED}),
    (pl.Float64(), "boolean", {0.0: False, 1.0: True, -1.0: True, 0.5: REFUSED, NAN: REFUSED}),
    (pl.Float64(), "text", {0.1: "0.1"}),
    (pl.Float32(), "double precision", {0.5: 0.5}),
    (pl.Decimal(19, 4), "numeric(10,1)", {Decimal("1.5"): Decimal("1.5"), Decimal("1.55"): REFUSED}),
    (pl.Decimal(19, 4), "integer", {Decimal("7"): 7, Decimal("7.0001"): REFUSED, Decimal("3000000000"): REFUSED}),
    (pl.Decimal(19, 4), "double precision", {Decimal("0.1"): 0.1}),
    (pl.Decimal(19, 4), "text", {Decimal("1.5"): "1.5000"}),
    (pl.Boolean(), "integer", {True: 1, False: 0}),
    (pl.Boolean(), "numeric(3,1)", {True: Decimal(1), False: Decimal(0)}),
    (pl.Boolean(), "double precision", {True: 1.0}),
    (pl.Boolean(), "text", {True: "true", False: "false"}),
    (
        pl.String(),
        "integer",
        {
            " 7 ": 7,
            "+7": 7,
            "007": 7,
            "7.0": REFUSED,
            "": REFUSED,
            "1_0": REFUSED,
            "0x1": REFUSED,
            "2147483648": REFUSED,
        },
    ),
    (
        pl.String(),
        "double precision",
        {"0.1": 0.1, " 1e3 ": 1000.0, "inf": INF, "1e400": REFUSED, "-1e400": REFUSED, "1,5": REFUSED},
    ),
    (pl.String(), "real", {"0.5": 0.5, "1e39": REFUSED}),
    (
        pl.String(),
        "numeric(5,2)",
        {
            "1.5": Decimal("1.5"),
            "-999.99": Decimal("-999.99"),
            "1.500": Decimal("1.5"),
            "1.005": REFUSED,
            "1000": REFUSED,
        },
    ),
    (pl.String(), "boolean", {"TRUE": True, "no": False, "1": True, "2": REFUSED, "": REFUSED}),
    (
        pl.String(),
        "timestamp",
        {
            "2024-02-29": MIDNIGHT,
            "2024-02-29T00:00:00": MIDNIGHT,
            "0001-01-01 00:00:00.000001": dt.datetime(1, 1, 1, 0, 0, 0, 1),
            "2024-02-29 00:00:00.000000000": MIDNIGHT,
            "2024-02-29 00:00:00.0000001": REFUSED,
            "2023-02-29": REFUSED,
            "24-2-29": REFUSED,
            "+2024-02-29": REFUSED,
            "2024-02-29 00:00": REFUSED,
            "2024-02-29 00:00:00+09": REFUSED,
        },
    ),
    (pl.String(), "date", {"9999-12-31": dt.date(9999, 12, 31), "24-2-29": REFUSED, "2024-02-30": REFUSED}),
    (
        pl.String(),
        "time",
        {"17:00:00.000005": dt.time(17, 0, 0, 5), "17:00:00.0000055": REFUSED, "24:00:00": REFUSED, "1:2:3": REFUSED},
    ),
    (
        pl.String(),
        "uuid",
        {"{6F9619FF-8B86-D011-B42D-00CF4FC964FF}": UUID, UUID.hex(): UUID, "6f96": REFUSED, "zz" * 16: REFUSED},
    ),
    (pl.Date(), "timestamp", {dt.date(2024, 2, 29): MIDNIGHT, dt.date(1, 1, 1): dt.datetime(1, 1, 1)}),
    (pl.Date(), "text", {dt.date(100, 1, 2): "0100-01-02"}),
    (pl.Datetime("us"), "date", {MIDNIGHT: MIDNIGHT.date(), FIVE_PM: REFUSED}),
    (pl.Datetime("us"), "time", {FIVE_PM: FIVE_PM.time(), MIDNIGHT: REFUSED}),
    (pl.Datetime("us"), "text", {dt.datetime(100, 1, 2, 3, 4, 5, 6): "0100-01-02 03:04:05.000006"}),
]


def cast(values: list[object], dtype: pl.DataType, type: str, *, round: bool = False) -> list[object]:
    """What arrives; REFUSED in place of what does not, and a pair with its `lost` mark where the cast rounds."""
    stepped = Cast(SqlType.parse(type), round=round)(pl.Series(values, dtype=dtype))
    assert stepped.values.dtype == frame_dtype(SqlType.parse(type))
    refused = stepped.refused if stepped.refused is not None else pl.repeat(False, len(values), eager=True)
    lost = stepped.lost if stepped.lost is not None else pl.repeat(False, len(values), eager=True)
    assert not (refused & lost).any(), "a refused value is not a loss"
    found = zip(stepped.values.to_list(), refused, lost, strict=True)
    return [REFUSED if r else (value, x) if round else value for value, r, x in found]


@pytest.mark.parametrize(("dtype", "type", "pairs"), EXACT, ids=lambda x: str(x) if not isinstance(x, dict) else "")
def test_a_cast_is_exact_or_refused(dtype: pl.DataType, type: str, pairs: dict[object, object]) -> None:
    assert castable(dtype, SqlType.parse(type))
    assert cast([*pairs, None], dtype, type) == [*pairs.values(), None]


def test_every_pair_of_the_table_is_tried_above() -> None:
    examples = {
        "integer": pl.Int32(), "float": pl.Float64(), "decimal": pl.Decimal(19, 4), "boolean": pl.Boolean(),
        "text": pl.String(), "datetime": pl.Datetime("us"), "date": pl.Date(),
    }  # fmt: skip
    targets = {
        "integer": "bigint", "float": "real", "decimal": "numeric(9,2)", "boolean": "boolean", "text": "text",
        "datetime": "timestamp", "date": "date", "time": "time", "uuid": "uuid",
    }  # fmt: skip
    for target, sources in _CASTS.items():
        for source in sources:
            assert cast([None], examples[source], targets[target]) == [None]


@pytest.mark.parametrize(
    ("dtype", "type"),
    [
        (pl.Binary(), "text"),
        (pl.Datetime("us"), "timestamptz"),
        (pl.Datetime("us", "UTC"), "timestamp"),
        (pl.Datetime("us"), "integer"),
        (pl.Boolean(), "timestamp"),
        (pl.Int32(), "uuid"),
        (pl.String(), "bytea"),
    ],
)
def test_what_has_no_exact_meaning_is_no_cast(dtype: pl.DataType, type: str) -> None:
    assert not castable(dtype, SqlType.parse(type))


@pytest.mark.parametrize(
    ("dtype", "type", "value", "arrives"),
    [
        (pl.Float64(), "integer", 2.5, 3),
        (pl.Float64(), "integer", -2.5, -3),
        (pl.Float64(), "integer", 1.9, 2),
        (pl.Float64(), "numeric(19,1)", 1.25, Decimal("1.3")),
        (pl.Float64(), "real", 0.1, 0.10000000149011612),
        (pl.Decimal(19, 4), "integer", Decimal("-1.5"), -2),
        (pl.Decimal(19, 4), "numeric(10,1)", Decimal("1.25"), Decimal("1.3")),
        (pl.String(), "numeric(10,1)", "1.25", Decimal("1.3")),
        (pl.String(), "timestamp", "2024-02-29 00:00:00.0000009", MIDNIGHT),
        (pl.Datetime("us"), "date", FIVE_PM, FIVE_PM.date()),
    ],
)
def test_rounding_is_asked_for_and_recorded(dtype: pl.DataType, type: str, value: object, arrives: object) -> None:
    assert cast([value], dtype, type) == [REFUSED]
    assert cast([value, None], dtype, type, round=True) == [(arrives, True), (None, False)]


def test_a_text_of_a_time_keeps_no_digit_that_postgresql_would_round() -> None:
    stepped = Cast(SqlType("time"), round=True)(pl.Series(["17:00:00.0000055"]))
    assert stepped.values.cast(pl.Int64).to_list() == [(17 * 3600 * 10**6 + 5) * 1000]


@given(st.decimals(-(10**14), 10**14, places=12), st.integers(0, 6))
def test_text_of_a_decimal_is_exact_or_told(value: Decimal, scale: int) -> None:
    rounded = value.quantize(Decimal(1).scaleb(-scale), ROUND_HALF_UP)
    exact = [value] if rounded == value else [REFUSED]
    assert cast([f"{value:f}"], pl.String(), f"numeric(38,{scale})") == exact
    assert cast([f"{value:f}"], pl.String(), f"numeric(38,{scale})", round=True) == [(rounded, rounded != value)]


@given(st.floats())
def test_a_double_becomes_a_decimal_that_reads_back_as_the_same_double(value: float) -> None:
    [arrived] = cast([value], pl.Float64(), "numeric(38,10)")
    if arrived is not REFUSED:
        assert isinstance(arrived, Decimal)
        assert float(arrived) == value
    else:
        written = Decimal(repr(value))
        assert not written.is_finite() or written.adjusted() >= 28 or -written.as_tuple().exponent > 10  # type: ignore[operator]


def test_ticks_become_microseconds_and_the_seventh_digit_is_a_loss() -> None:
    epoch = 621_355_968_000_000_000
    stepped = CONVERTERS["ticks"](pl.Series([0, epoch + 10, epoch - 1, None, 3_155_378_975_999_999_990]))
    assert stepped.values.to_list() == [
        dt.datetime(1, 1, 1),
        dt.datetime(1970, 1, 1, 0, 0, 0, 1),
        dt.datetime(1969, 12, 31, 23, 59, 59, 999999),
        None,
        dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    ]
    assert stepped.lost is not None
    assert stepped.lost.arg_true().to_list() == [2]


@pytest.mark.parametrize(
    ("dtype", "type", "told", "untold"),
    [
        (pl.String(), "integer", ["0", "7", "-7", None], [" 7", "7 ", "+7", "007", "-0", "-07"]),
        (pl.String(), "numeric(9,2)", ["0", "0.00", "-0.5", "1.50", "10"], ["-0", "-0.0", "01.5", ".5", " 1", "+1"]),
        (pl.String(), "double precision", ["-0", "1.50", "1e5", "-inf", "0.5"], ["+1", "01.5", " 1", ".5", "00"]),
        (pl.String(), "boolean", ["yes", "TRUE", "0"], []),
        (pl.String(), "timestamp", ["2024-02-29", "2024-02-29T00:00:00", "2024-02-29 00:00:00.10"], []),
        (pl.Float64(), "integer", [0.0, 7.0, None], [-0.0]),
        (pl.Float64(), "numeric(9,2)", [0.0, -7.5], [-0.0]),
        (pl.Float64(), "text", [0.0, -0.0], []),
        (pl.Int32(), "boolean", [0, 1, -1], []),
    ],
)
def test_what_a_number_does_not_tell_of_its_text_is_a_loss(
    dtype: pl.DataType, type: str, told: list[object], untold: list[object]
) -> None:
    for round in (False, True):
        stepped = Cast(SqlType.parse(type), round=round)(pl.Series([*told, *untold], dtype=dtype))
        assert stepped.refused is None
        lost = [] if stepped.lost is None else stepped.lost.arg_true().to_list()
        assert lost == [*range(len(told), len(told) + len(untold))]


def test_blanks_that_char_does_not_tell_from_its_own_are_a_loss() -> None:
    values = pl.Series(["ab", "ab ", "abcd", "abc ", " ", "abcd ", None])
    stepped = Fit(4, padded=True)(values)
    assert stepped.values.to_list() == ["ab", "ab  ", "abcd", "abc ", "    ", "abcd ", None]
    assert stepped.lost_by["padding"].arg_true().to_list() == [1, 4]
    assert stepped.refused is not None
    assert stepped.refused.arg_true().to_list() == [5]
    assert Fit(4)(values).lost_by == {}


def test_length_is_counted_in_characters_not_in_bytes() -> None:
    values = pl.Series(["한글한글", "한글한글한", "😀😀😀😀", "abcd ", None])
    refused = Fit(4)(values).refused
    assert refused is not None
    assert refused.to_list() == [False, True, False, True, False]
    assert Fit(4)(pl.Series(["abcd", None])).refused is None


def test_fractions_beyond_the_column_are_refused_or_rounded() -> None:
    stamps = pl.Series([dt.datetime(1900, 1, 1, 0, 0, 0, 1500), dt.datetime(1900, 1, 1, 0, 0, 0, 1000), None])
    stepped = Fraction(3, round=False)(stamps)
    assert stepped.refused is not None
    assert stepped.refused.to_list() == [True, False, False]
    stepped = Fraction(3, round=True)(stamps)
    assert stepped.values.to_list() == [dt.datetime(1900, 1, 1, 0, 0, 0, 2000), stamps[1], None]
    assert stepped.lost is not None
    assert stepped.lost.to_list() == [True, False, False]


def test_no_moment_is_rounded_into_a_year_that_python_does_not_know() -> None:
    stamps = pl.Series([dt.datetime(9999, 12, 31, 23, 59, 59, 999_500), dt.datetime(9999, 12, 31, 23, 59, 59, 999_400)])
    for zone in (None, "UTC"):
        stepped = Fraction(3, round=True)(stamps.dt.replace_time_zone(zone))
        assert stepped.refused is not None
        assert stepped.refused.to_list() == [True, False]
        assert stepped.values.dt.replace_time_zone(None).to_list() == [
            None,
            dt.datetime(9999, 12, 31, 23, 59, 59, 999_000),
        ]


def test_a_time_that_would_round_to_midnight_is_refused() -> None:
    times = pl.Series([dt.time(10, 0, 0, 500_000), dt.time(23, 59, 59, 500_000), dt.time(1)])
    stepped = Fraction(0, round=True)(times)
    assert stepped.values.to_list() == [dt.time(10, 0, 1), None, dt.time(1)]
    assert stepped.refused is not None
    assert stepped.refused.to_list() == [False, True, False]


def test_null_in_a_required_column_is_refused() -> None:
    refused = Required()(pl.Series(["", None])).refused
    assert refused is not None
    assert refused.to_list() == [False, True]


def test_text_of_a_float_keeps_its_digits_or_is_refused() -> None:
    cast = Cast(SqlType("real"), round=False)(pl.Series(["16777217", "0.1", "1e2", None]))
    assert cast.refused is not None
    assert cast.refused.to_list() == [True, False, False, False]


@pytest.mark.parametrize("type", ["date", "timestamp"])
def test_the_year_0_is_no_date(type: str) -> None:
    cast = Cast(SqlType(type), round=False)(pl.Series(["0000-01-01", "0001-01-01"]))
    assert cast.refused is not None
    assert cast.refused.to_list() == [True, False]


def test_what_is_beyond_a_type_is_refused_even_where_rounding_is_allowed() -> None:
    cast = Cast(SqlType("real"), round=True)(pl.Series([1e300, float("inf"), 0.5]))
    assert cast.refused is not None
    assert cast.refused.to_list() == [True, False, False]


def test_a_minute_has_no_second_60() -> None:
    cast = Cast(SqlType("timestamp"), round=False)(pl.Series(["2024-02-03 10:00:60"]))
    assert cast.refused is not None
    assert cast.refused.to_list() == [True]
