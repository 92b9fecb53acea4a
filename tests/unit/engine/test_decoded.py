"""Values of SQL Server that arrive in another form than they are stored in: rows, rejects, replay, filter."""

from __future__ import annotations

import datetime as dt
import json
import struct
from collections.abc import Iterator

import polars as pl
import pytest

from pipeline.catalog import Catalog, Column, SqlType
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import MSSQL, sql_server
from pipeline.dialects.rules import Dialect
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.replay import replay
from pipeline.errors import MappingError, TargetError
from pipeline.mapping.models import Condition, Mapping
from pipeline.postgres.connect import Connection, Target, connect
from tests.frames import FrameSource
from tests.unit.load.walk import findings, key, migrate, retyped, rows, table

SEOUL = bytes.fromhex("E6100000010C") + struct.pack("<dd", 37.5665, 126.978)
ROOT, CHILD, DAMAGED = b"", b"\x58", b"\x00"
OFFLINE = sql_server("Korean_Wansung_CI_AS", offline=True)
TICKS = 638_502_048_000_000_000
MOMENT = dt.datetime(2024, 5, 2, tzinfo=dt.UTC)
ZONED = pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as opened:
        yield opened


def given(type: str, dtype: pl.DataType, *values: object, also: tuple[Column, ...] = ()) -> FrameSource:
    made = table("t", (Column("id", SqlType("int")), Column("v", SqlType.parse(type)), *also), key("id"))
    frame = pl.DataFrame({"id": range(1, len(values) + 1), "v": values}, schema={"id": pl.Int32(), "v": dtype})
    return FrameSource(Catalog((made,)), {"t": frame.with_columns(pl.lit(7, pl.Int32).alias(c.name) for c in also)})


def mapped(made: FrameSource, dialect: Dialect = MSSQL, **fields: object) -> Mapping:
    return retyped(draft(made.catalog(), dialect=dialect).mapping, "t", "v", **fields)


def planned(made: FrameSource, dialect: Dialect = MSSQL, **fields: object) -> Plan:
    return make_plan(made.catalog(), mapped(made, dialect, **fields), dialect)


def moments(*offsets: int) -> FrameSource:
    values = ({"ticks": TICKS + at, "offset": offset} for at, offset in enumerate(offsets))
    return given("datetimeoffset(7)", ZONED, *values, None)


def test_a_hierarchy_arrives_as_paths_and_what_is_none_is_refused(database: Target, connection: Connection) -> None:
    made = given("hierarchyid", pl.Binary(), ROOT, CHILD, DAMAGED, None)
    plan = planned(made)
    migrate(made, plan, database)
    assert rows(connection, "select id, v from t order by id") == [(1, "/"), (2, "/1/"), (4, None)]
    assert rows(connection, "select locator, stage, reason, detail, row_values::text from _naru.reject") == [
        (2, "transform", "hierarchyid", "column v: goes on after its end: \\x00", '{"id": 3, "v": {"$bytes": "AA=="}}')
    ]
    assert findings(made, plan, database) == [("rejects", "t", "hierarchyid", 1)]


def test_as_bytea_the_stored_bytes_stay_whatever_they_are(database: Target, connection: Connection) -> None:
    made = given("hierarchyid", pl.Binary(), CHILD, DAMAGED)
    migrate(made, planned(made, type="bytea"), database)
    assert rows(connection, "select v from t order by id") == [(CHILD,), (DAMAGED,)]


def test_a_row_that_could_not_be_decoded_is_replayed_as_bytes(database: Target, connection: Connection) -> None:
    """Under a table whose column takes them."""
    made = given("geometry", pl.Binary(), DAMAGED)
    migrate(made, planned(made), database)
    assert rows(connection, "select * from t") == []
    connection.execute("alter table t alter column v type bytea using null")
    assert replay(connection, planned(made, type="bytea")) == (1, 0)
    assert rows(connection, "select v from t") == [(DAMAGED,)]


@pytest.mark.parametrize(("type", "point"), [("geography", "126.978 37.5665"), ("geometry", "37.5665 126.978")])
def test_a_type_of_postgis_takes_the_text(database: Target, connection: Connection, type: str, point: str) -> None:
    """A domain stands in for it: it gets what COPY would hand to PostGIS."""
    made = given(type, pl.Binary(), SEOUL, None, DAMAGED)
    plan = planned(made, type=type)
    connection.execute(f"create domain {type} as text check (value ~ '^SRID=')".encode())
    migrate(made, plan, database)
    assert rows(connection, "select v from t order by id") == [(f"SRID=4326;POINT({point})",), (None,)]
    assert rows(connection, "select locator, reason from _naru.reject") == [(2, "ewkt")]
    assert findings(made, plan, database) == [("rejects", "t", "ewkt", 1)]


def test_without_postgis_nothing_is_begun(database: Target, connection: Connection) -> None:
    made = given("geography", pl.Binary(), SEOUL)
    with pytest.raises(TargetError, match=r"geography.*\n?") as caught:
        migrate(made, planned(made, type="geography"), database)
    assert caught.value.hint is not None
    assert "postgis" in caught.value.hint
    assert "type: text" in caught.value.hint
    assert rows(connection, "select to_regclass('t') is null") == [(True,)]


def test_an_offset_has_a_column_of_its_own(database: Target, connection: Connection) -> None:
    made = moments(540, 0, -210)
    plan = planned(made, offset="keep")
    migrate(made, plan, database)
    assert rows(connection, "select v, v_offset, pg_typeof(v_offset)::text from t order by id") == [
        (MOMENT, 540, "smallint"),
        (MOMENT, 0, "smallint"),
        (MOMENT, -210, "smallint"),
        (None, None, "smallint"),
    ]
    assert rows(connection, "select locator, rule, after from _naru.loss order by 1") == [
        (at, "seventh_digit", "2024-05-02 00:00:00+00") for at in (1, 2)
    ]
    assert findings(made, plan, database) == []


def test_without_the_option_the_moment_alone_arrives(database: Target, connection: Connection) -> None:
    made = moments(540)
    migrate(made, planned(made), database)
    assert rows(connection, "select * from t order by id") == [(1, MOMENT), (2, None)]


def test_an_offset_in_a_bacpac_is_refused_or_kept(database: Target, connection: Connection) -> None:
    made = moments(0, 540)
    migrate(made, planned(made, OFFLINE), database)
    assert rows(connection, "select id from t order by id") == [(1,), (3,)]
    ((locator, reason, detail, values),) = rows(
        connection, "select locator, reason, detail, row_values::text from _naru.reject"
    )
    assert (locator, reason) == (1, "offset")
    assert "`offset: keep`" in detail
    assert json.loads(values) == {"id": 2, "v": {"ticks": TICKS + 1, "offset": 540}}
    connection.execute("alter table t add v_offset smallint")
    assert replay(connection, planned(made, OFFLINE, offset="keep")) == (1, 0)
    assert rows(connection, "select v, v_offset from t where id = 2") == [(MOMENT, 540)]


def test_what_a_filter_cannot_decode_is_refused_and_not_filtered(database: Target, connection: Connection) -> None:
    made = given("hierarchyid", pl.Binary(), CHILD, DAMAGED, ROOT, None)
    mapping = mapped(made, skip=True)
    condition = Condition(column="v", op="=", value="/1/")
    filtered = mapping.tables["t"].model_copy(update={"filter": (condition,)})
    migrate(made, make_plan(made.catalog(), mapping.model_copy(update={"tables": {"t": filtered}}), MSSQL), database)
    assert rows(connection, "select id from t") == [(1,)]
    assert rows(connection, "select locator, reason from _naru.reject") == [(1, "hierarchyid")]


def test_a_variant_keeps_the_type_of_each_value(database: Target, connection: Connection) -> None:
    texts = [
        '{"type": "decimal(5,2)", "value": "12.50"}',
        '{"type": "nvarchar(8)", "value": "한글 \\"x\\""}',
        '{"type": "nvarchar(1)", "value": "\\u0000"}',  # which jsonb does not hold
        '{"type": "int"',
    ]
    made = given("sql_variant", pl.String(), *texts, None)
    plan = planned(made)
    migrate(made, plan, database)
    assert rows(connection, "select v->>'type', v->>'value' from t order by id") == [
        ("decimal(5,2)", "12.50"),
        ("nvarchar(8)", '한글 "x"'),
        (None, None),
    ]
    assert rows(connection, "select locator, stage from _naru.reject order by 1") == [(2, "copy"), (3, "copy")]


def test_a_variant_in_a_bacpac_stops_the_plan() -> None:
    made = given("sql_variant", pl.String())
    with pytest.raises(MappingError, match="no PostgreSQL type for the source's sql_variant") as caught:
        planned(made, OFFLINE)
    assert "skip: true" in (caught.value.hint or "")
    with pytest.raises(MappingError, match="sql_variant is not read"):
        planned(made, OFFLINE, type="jsonb")
