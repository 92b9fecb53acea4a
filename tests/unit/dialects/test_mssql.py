from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipeline.catalog import SqlType
from pipeline.dialects.mssql import MSSQL
from pipeline.mapping.types import parse_type
from pipeline.transform.types import CONVERTERS, castable


@pytest.mark.parametrize(
    ("source", "postgres"),
    [
        ("bit", "boolean"),
        ("tinyint", "smallint"),
        ("int", "integer"),
        ("decimal(38,0)", "numeric(38,0)"),
        ("numeric(18,2)", "numeric(18,2)"),
        ("money", "numeric(19,4)"),
        ("smallmoney", "numeric(10,4)"),
        ("real", "real"),
        ("float", "double precision"),
        ("datetime", "timestamp(3)"),
        ("smalldatetime", "timestamp(0)"),
        ("datetime2(7)", "timestamp(6)"),
        ("datetime2", "timestamp(6)"),
        ("datetime2(3)", "timestamp(3)"),
        ("datetime2(0)", "timestamp(0)"),
        ("time(7)", "time(6)"),
        ("datetimeoffset(0)", "timestamptz(0)"),
        ("char(10)", "char(10)"),
        ("nchar(5)", "char(5)"),
        ("nvarchar(50)", "varchar(50)"),
        ("nvarchar", "text"),
        ("ntext", "text"),
        ("varbinary(8)", "bytea"),
        ("uniqueidentifier", "uuid"),
        ("xml", "text"),
        ("geography", "bytea"),
        ("rowversion", "bytea"),
    ],
)
def test_types(source: str, postgres: str) -> None:
    type = SqlType.parse(source)
    rule = MSSQL.rule(type)
    assert rule is not None
    assert rule.postgres_for(type) == postgres


@pytest.mark.parametrize("source", ["sql_variant", "cursor", "Text(50)", "decimal", "Int"])
def test_types_without_a_rule(source: str) -> None:
    assert MSSQL.rule(SqlType.parse(source)) is None


@pytest.mark.parametrize(("source", "told"), [("datetime2(7)", True), ("time", True), ("datetimeoffset(6)", False)])
def test_only_seven_digits_are_told_of(source: str, told: bool) -> None:
    rule = MSSQL.rule(SqlType.parse(source))
    assert rule is not None
    assert (rule.notice is not None) is told


def test_every_rule_leads_from_its_frame_to_its_type() -> None:
    for rule in MSSQL.rules:
        type = SqlType(rule.source.partition("(")[0], (18, 4))
        dtype = rule.dtype_for(type)
        if rule.converter:
            dtype = CONVERTERS[rule.converter](pl.Series(dtype=dtype)).values.dtype
        assert castable(dtype, parse_type(rule.postgres.format(5, 4))), rule.source


def test_ticks_of_a_day_become_microseconds() -> None:
    day = 864_000_000_000
    stepped = CONVERTERS["clock_ticks"](pl.Series([0, 10, 11, day - 1, day, -1, None]))
    last = dt.time(23, 59, 59, 999999)
    assert stepped.values.to_list() == [dt.time(0), dt.time(0, 0, 0, 1), dt.time(0, 0, 0, 1), last, None, None, None]
    assert stepped.lost is not None
    assert stepped.lost.arg_true().to_list() == [2, 3]
    assert stepped.refused is not None
    assert stepped.refused.arg_true().to_list() == [4, 5]


def test_ticks_in_utc_are_the_same_moment() -> None:
    stepped = CONVERTERS["zoned_ticks"](pl.Series([621_355_968_000_000_000, 621_355_968_000_000_017, None]))
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert stepped.values.to_list() == [epoch, epoch + dt.timedelta(microseconds=1), None]
    assert stepped.lost is not None
    assert stepped.lost.arg_true().to_list() == [1]
