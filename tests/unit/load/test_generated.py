"""Columns that PostgreSQL computes: nothing is written to them, on no way into the table."""

from __future__ import annotations

import pytest

from pipeline.engine.dryrun import forecast
from pipeline.engine.plan import Plan
from pipeline.engine.replay import replay
from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, Target
from tests.frames import FrameSource
from tests.unit.load.walk import (
    REJECTS,
    column,
    findings,
    key,
    make_by_hand,
    mapping_of,
    migrate,
    plan_of,
    reference,
    retyped,
    rows,
    source,
    table,
)

ITEM = table("item", (column("id"), column("code", "Text(9)"), column("twice", "Long")), key("id"))
PART = table("part", (column("id"), column("item")), key("id"), references=(reference("item", "item"),))
ALL = "select id, code, twice from item order by id"


def given() -> FrameSource:
    """What stands in `twice` is not twice the number, so that the origin of an arrived value shows."""
    return source({PART: [(1, 1), (2, 9)], ITEM: [(1, "a", -1), (2, None, -1), (3, "c", -1), (3, "d", -1)]})


def planned(source: FrameSource, load: str = "append", sql: str = '"id" * 2', **fields: object) -> Plan:
    mapping = mapping_of(source, {"item": {"load": load}})
    return plan_of(source, retyped(mapping, "item", "twice", generated=sql, **fields))


def test_a_table_of_ours_computes_it(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source, required=True)
    assert plan.tasks[0].chain.source_columns == ("id", "code")
    migrate(source, plan, database)
    assert rows(connection, ALL) == [(1, "a", 2), (2, None, 4), (3, "c", 6)]
    assert rows(connection, REJECTS) == [("item", 3, "duplicate_key"), ("part", 1, "orphan")]
    assert findings(source, plan, database) == [
        ("rejects", "item", "duplicate_key", 1),
        ("rejects", "part", "orphan", 1),
    ]


@pytest.mark.parametrize(("load", "first"), [("append", ("old", 2)), ("replace", ("a", 2)), ("upsert", ("a", 2))])
def test_a_table_that_stood_before_computes_it(
    database: Target, connection: Connection, load: str, first: tuple[str, int]
) -> None:
    source = given()
    plan = planned(source, load)
    make_by_hand(connection, plan)
    connection.execute("insert into item (id, code) values (1, 'old')")
    migrate(source, plan, database)
    assert rows(connection, ALL) == [(1, *first), (2, None, 4), (3, "c", 6)]
    assert {found[0] for found in findings(source, plan, database)} == {"rejects"}


@pytest.mark.parametrize("staged", [False, True])
def test_refused_rows_are_replayed_without_it(database: Target, connection: Connection, staged: bool) -> None:
    source = given()
    plan = planned(source)
    if staged:
        make_by_hand(connection, plan)
    migrate(source, plan, database)
    connection.execute("update item set id = 30 where id = 3")
    assert replay(connection, plan) == (1, 1)
    assert rows(connection, ALL)[2:] == [(3, "d", 6), (30, "c", 60)]


@pytest.mark.parametrize("computed_first", [False, True])
def test_rows_are_not_replayed_under_a_mapping_of_other_columns(
    database: Target, connection: Connection, computed_first: bool
) -> None:
    """Nothing would be written to a column that the mapping takes for generated, and nothing computed there."""
    source = given()
    plans = [plan_of(source, mapping_of(source)), planned(source)]
    loaded, edited = reversed(plans) if computed_first else plans
    migrate(source, loaded, database)
    connection.execute("update item set id = 30 where id = 3")
    told = "twice is generated there" if computed_first else "twice is not generated there"
    with pytest.raises(TargetError, match=told) as refused:
        replay(connection, edited)
    assert "--restart" in str(refused.value.hint)
    assert replay(connection, loaded) == (1, 1)
    connection.execute("delete from _naru.reject where target_table = 'item'")
    assert replay(connection, edited) == (0, 1), "what has no row to replay is not asked"


def test_rows_that_it_cannot_be_computed_for_are_refused(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source, sql='10 / ("id" - 2)', required=True)
    migrate(source, plan, database)
    assert rows(connection, REJECTS)[0] == ("item", 1, "sqlstate_22012")
    assert rows(connection, "select id, twice from item order by id") == [(1, -10), (3, 10)]


def test_a_required_one_that_is_null_is_refused(database: Target, connection: Connection) -> None:
    source = given()
    migrate(source, planned(source, sql='length("code")', required=True), database)
    assert ("item", 1, "null_in_required") in rows(connection, REJECTS)


def test_a_dry_run_knows_it(database: Target, connection: Connection) -> None:
    source = given()
    assert [one.rows for one in forecast(source, planned(source), connection, 3)] == [4, 2]


def test_an_expression_that_postgresql_does_not_take_is_told_before_a_row_is_read(database: Target) -> None:
    source = given()
    plan = planned(source, sql="CAST(\"code\" AS DATE) - CAST('2020-01-01' AS DATE)")

    def never(_table: str, _row: int) -> None:
        raise AssertionError("a row was read")

    source.before_batch = never
    with pytest.raises(TargetError, match="not immutable"):
        migrate(source, plan, database)


def test_a_standing_table_that_does_not_compute_it_is_refused_and_found(
    database: Target, connection: Connection
) -> None:
    source = given()
    plan = planned(source)
    connection.execute("create table item (id int primary key, code varchar(9), twice int)")
    with pytest.raises(TargetError, match="twice is not generated there"):
        migrate(source, plan, database)
    connection.execute("drop table item")
    migrate(source, plan, database)
    connection.execute("alter table item alter twice drop expression")
    assert ("columns", "item", "twice", 1) in findings(source, plan, database)


_BY_HAND = "create table item (id int primary key, code varchar(9), twice int generated always as ({}) stored)"


@pytest.mark.parametrize("load", ["append", "replace", "upsert"])
def test_a_standing_table_that_computes_it_otherwise_is_refused(
    database: Target, connection: Connection, load: str
) -> None:
    source = given()
    plan = planned(source, load)
    connection.execute(_BY_HAND.format("id * 3"))  # type: ignore[call-overload]
    with pytest.raises(TargetError, match=r"twice is computed there by \(id \* 3\), the mapping says by \(id \* 2\)"):
        migrate(source, plan, database)
    connection.execute("drop table item")
    connection.execute(_BY_HAND.format("(2 * 1) * id - id + id * 1 - id * 1 + id"))  # type: ignore[call-overload]
    with pytest.raises(TargetError, match="twice is computed there"):
        migrate(source, plan, database)
    connection.execute("drop table item")
    connection.execute(_BY_HAND.format("item.id*(2)"))  # type: ignore[call-overload]
    migrate(source, plan, database)
    assert {found[0] for found in findings(source, plan, database)} == {"rejects"}


def test_verify_finds_one_that_somebody_computes_otherwise(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source)
    migrate(source, plan, database)
    connection.execute(
        "alter table item drop twice; alter table item add twice int generated always as (id * 3) stored"
    )
    assert ("columns", "item", "twice", 1) in findings(source, plan, database)
