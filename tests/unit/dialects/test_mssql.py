from __future__ import annotations

import datetime as dt

import polars as pl
import pytest

from pipeline.catalog import Catalog, Check, Column, Identity, Index, IndexPart, Query, QueryKind, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import MSSQL, sql_server
from pipeline.dialects.tsql.terms import OPAQUE
from pipeline.engine.plan import make_plan
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
        ("geography", "text"),
        ("hierarchyid", "text"),
        ("json", "json"),
        ("sql_variant", "jsonb"),
        ("rowversion", "bytea"),
    ],
)
def test_types(source: str, postgres: str) -> None:
    type = SqlType.parse(source)
    rule = MSSQL.rule(type)
    assert rule is not None
    assert rule.postgres_for(type) == postgres


@pytest.mark.parametrize("source", ["cursor", "vector", "Text(50)", "decimal", "Int"])
def test_types_without_a_rule(source: str) -> None:
    assert MSSQL.rule(SqlType.parse(source)) is None


@pytest.mark.parametrize(("type", "numbered"), [("tinyint", True), ("bigint", True), ("numeric(18,0)", False)])
def test_an_identity_of_a_decimal_type_is_carried_without_its_numbering(type: str, numbered: bool) -> None:
    """PostgreSQL numbers whole number types alone: the draft of an old database stopped there."""
    column = Column("id", SqlType.parse(type), nullable=False, identity=Identity(7))
    catalog = Catalog((Table("T", (column,), "dbo", (Index("PK", (IndexPart("id"),), unique=True, primary=True),)),))
    made = draft(catalog, dialect=MSSQL)
    (task,) = make_plan(catalog, made.mapping, MSSQL).tasks
    assert (task.target.columns[0].identity is not None, task.target.columns[0].nullable) == (numbered, False)
    told = [(notice.column, "new rows are not numbered" in notice.text) for notice in made.notices]
    assert told == ([] if numbered else [("id", True)])


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


EPOCH = 621_355_968_000_000_000
ZONED = pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})


@pytest.mark.parametrize("type", ["datetimeoffset", "datetimeoffset(7)", "datetimeoffset(3)", "datetimeoffset(0)"])
def test_a_moment_with_its_offset_is_one_value_of_two_fields(type: str) -> None:
    rule = MSSQL.rule(SqlType.parse(type))
    assert rule is not None
    assert rule.dtype_for(SqlType.parse(type)) == ZONED


def test_ticks_in_utc_are_the_same_moment_whatever_the_offset() -> None:
    given = [{"ticks": EPOCH, "offset": 540}, {"ticks": EPOCH + 17, "offset": -840}, None]
    stepped = CONVERTERS["zoned_ticks"](pl.Series(given, dtype=ZONED))
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    assert stepped.values.to_list() == [epoch, epoch + dt.timedelta(microseconds=1), None]
    assert stepped.lost is not None
    assert stepped.lost.arg_true().to_list() == [1]


def test_offsets_that_no_bacpac_has_shown_are_refused_there() -> None:
    rule = sql_server("Korean_Wansung_CI_AS", offline=True).rule(SqlType("datetimeoffset", (7,)))
    assert rule is not None
    assert rule.converter is not None
    given = [{"ticks": EPOCH, "offset": 0}, {"ticks": EPOCH, "offset": 540}, None, {"ticks": EPOCH, "offset": -1}]
    stepped = CONVERTERS[rule.converter](pl.Series(given, dtype=ZONED))
    assert stepped.refused is not None
    assert stepped.refused.arg_true().to_list() == [1, 3]
    assert {*stepped.why} == {1, 3}
    assert stepped.values[0] == dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def test_a_bacpac_has_a_rule_for_every_type_that_is_read_of_it() -> None:
    offline = sql_server("Korean_Wansung_CI_AS", offline=True)
    assert {rule.source for rule in MSSQL.rules} - {rule.source for rule in offline.rules} == {"json", "sql_variant"}


@pytest.mark.parametrize(("arrives", "converter"), [("text", "hierarchy_path"), ("bytea", None)])
def test_bytes_that_stay_bytes_are_not_decoded(arrives: str, converter: str | None) -> None:
    rule = MSSQL.rule(SqlType("hierarchyid"))
    assert rule is not None
    assert rule.converter_for(SqlType(arrives)) == converter


@pytest.mark.parametrize("type", sorted(OPAQUE))
def test_expressions_do_not_compute_with_texts_of_ours(type: str) -> None:
    """`'/10/' > '/2/'` holds of the paths, and not of the texts."""
    table = Table("t", (Column("v", SqlType(type), default="('/1/')"),), checks=(Check("c", "[v]>'/2/'", ("v",)),),
                  indexes=(Index("i", (IndexPart("v"),)),))  # fmt: skip
    view = Query("shown", QueryKind.SELECT, "create view shown as select v from t where v > '/2/'")
    made = draft(Catalog((table,), queries=(view,)), dialect=MSSQL)
    mapped = made.mapping.tables["t"]
    assert mapped.columns["v"].default_sql is None
    assert mapped.checks == ()
    assert made.mapping.views == {}
    assert len(mapped.indexes) == 1
    told = " ".join(notice.text for notice in made.notices)
    assert "default ('/1/') has no translation" in told
    assert "not carried: [v]>'/2/'" in told
