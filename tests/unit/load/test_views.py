"""Views in the target over runs, reruns and restarts, beside what others have made there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pipeline.catalog import Notice
from pipeline.cli.ddl import schema_script
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan
from pipeline.errors import TargetError
from pipeline.load.views import build_views
from pipeline.mapping.models import ViewMapping
from pipeline.mapping.selects import valid_select
from pipeline.postgres.connect import Connection, Target
from tests.frames import FrameSource
from tests.unit.dialects.queries.shop import shop
from tests.unit.load.walk import findings, migrate, plan_of, rows

_QUERIES = {"Mine": "SELECT ID, Code FROM Customers", "Over": "SELECT ID FROM Mine", "Late": "SELECT ID FROM Orders"}
_VIEWS = "select viewname from pg_views where schemaname = 'public' order by 1"


@pytest.fixture
def source() -> FrameSource:
    return shop(_QUERIES)


def _plan(source: FrameSource, only: tuple[str, ...] = (), **selects: str) -> Plan:
    """`selects` take the places of the drafted ones."""
    mapping = draft(source.catalog()).mapping
    views = dict(mapping.views) | {name: ViewMapping(sql=valid_select(sql)) for name, sql in selects.items()}
    return plan_of(source, mapping.model_copy(update={"views": views}), only)


def test_views_are_made_and_stay(source: FrameSource, database: Target, connection: Connection) -> None:
    plan = _plan(source)
    assert migrate(source, plan, database) == ()
    assert rows(connection, _VIEWS) == [("late",), ("mine",), ("over",)]
    made = rows(connection, "select oid from pg_class where relname in ('late', 'mine', 'over') order by relname")
    assert migrate(source, plan, database, run_id="r2") == ()
    again = rows(connection, "select oid from pg_class where relname in ('late', 'mine', 'over') order by relname")
    assert again == made, "what stands as it should is left alone"
    assert findings(source, plan, database) == []


def test_a_restart_makes_them_again(source: FrameSource, database: Target, connection: Connection) -> None:
    plan = _plan(source)
    migrate(source, plan, database)
    assert migrate(source, plan, database, run_id="r2", restart=True) == ()
    assert rows(connection, _VIEWS) == [("late",), ("mine",), ("over",)]
    assert rows(connection, "select distinct run_id from _naru.view") == [("r2",)]
    assert rows(connection, "select count(*) from over") == [(4,)]


def test_a_view_that_the_mapping_changes_is_made_again_with_those_over_it(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    migrate(source, _plan(source), database)
    changed = _plan(source, Mine='select id + 100 as id, "code" from customers')
    assert migrate(source, changed, database, run_id="r2") == ()
    assert rows(connection, "select min(id) from over") == [(101,)]
    assert findings(source, changed, database) == []


def test_a_part_of_the_tables_makes_a_part_of_the_views(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    notices = migrate(source, _plan(source, ("Customers",)), database)
    assert [(n.table, n.text) for n in notices] == [
        ("Late", "view late is not built: orders is not in the target"),
    ]
    assert rows(connection, _VIEWS) == [("mine",), ("over",)]
    assert findings(source, _plan(source, ("Customers",)), database) == []
    assert migrate(source, _plan(source), database, run_id="r2") == ()
    assert rows(connection, _VIEWS) == [("late",), ("mine",), ("over",)]


def test_what_does_not_run_is_taken_back_and_told(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    # count(*) over it would not divide.
    plan = _plan(source, Mine="select 1 / (id - 3) as id from customers", Late="select nope from orders")
    notices = {notice.table: notice.text for notice in migrate(source, plan, database)}
    assert notices == {
        "Mine": "view mine is not built: division by zero",
        "Over": "view over is not built: mine is not in the target",
        "Late": 'view late is not built: column "nope" does not exist',
    }
    assert rows(connection, _VIEWS) == []
    assert sorted(findings(source, plan, database)) == [("views", "late", "Late", 1), ("views", "mine", "Mine", 1)]


def test_views_are_tried_with_statistics_of_their_tables(
    source: FrameSource, database: Target, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planned blindly, a join may take longer than a view is given."""
    known: list[tuple[str]] = []

    def build(*args: Any) -> tuple[Notice, ...]:
        known.extend(rows(connection, "select distinct tablename from pg_stats where schemaname = 'public' order by 1"))
        return build_views(*args)

    monkeypatch.setattr("pipeline.engine.run.build_views", build)
    assert migrate(source, _plan(source), database) == ()
    assert known == [("customers",), ("orders",)]


def test_verify_finds_a_view_that_is_gone_or_no_longer_runs(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    plan = _plan(source, Mine="select 1 / (id - 99) as id from customers")
    migrate(source, plan, database)
    connection.execute("drop view late")
    connection.execute("insert into customers (id, code) values (99, 'z')")
    assert sorted(f for f in findings(source, plan, database) if f[0] == "views") == [
        ("views", "late", "Late", 1),
        ("views", "mine", "Mine", 1),
        ("views", "over", "Over", 1),
    ]
    connection.execute("delete from customers where id = 99")
    assert migrate(source, plan, database, run_id="r2") == ()
    assert findings(source, plan, database) == []


def test_verify_finds_a_view_that_selects_something_else(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    plan = _plan(source)
    migrate(source, plan, database)
    connection.execute("create or replace view mine as select id, code from customers where id > 1")
    assert findings(source, plan, database) == [("views", "mine", "Mine", 1)]
    connection.execute("drop schema _naru cascade")
    assert ("views", "mine", "Mine", 1) in findings(source, plan, database), "nor is a ledger needed for that"


def test_verify_finds_a_view_of_an_earlier_mapping(source: FrameSource, database: Target) -> None:
    migrate(source, _plan(source), database)
    assert findings(source, _plan(source, Late="select id from orders where id > 1"), database) == [
        ("views", "late", "Late", 1)
    ]


def test_a_star_that_has_grown_since_is_the_view_that_was_made(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    plan = _plan(source, Late="select * from orders")
    migrate(source, plan, database)
    connection.execute("alter table orders add theirs int")
    assert findings(source, plan, database) == []


def test_a_relation_of_others_in_its_place_stops_the_run_before_the_rows(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    connection.execute("create view late as select 1 as id")
    with pytest.raises(TargetError, match=r"public\.late exists.*kind is view") as caught:
        migrate(source, _plan(source), database)
    assert caught.value.hint is not None
    assert "'Late'" in caught.value.hint
    assert rows(connection, "select to_regclass('orders')") == [(None,)]


def test_a_view_of_others_over_our_tables_is_not_dropped(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    plan = _plan(source)
    migrate(source, plan, database)
    connection.execute("create view theirs as select id from over")
    assert migrate(source, plan, database, run_id="r2") == ()
    with pytest.raises(TargetError, match=r"view public\.theirs, which Naru did not make"):
        migrate(source, plan, database, run_id="r3", restart=True)
    with pytest.raises(TargetError, match=r"view public\.theirs, which Naru did not make"):
        migrate(source, _plan(source, Mine="select id from customers"), database, run_id="r4")
    assert rows(connection, "select count(*) from theirs") == [(4,)]


def test_a_view_that_somebody_has_changed_is_theirs(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    plan = _plan(source)
    migrate(source, plan, database)
    connection.execute("create or replace view late as select id from orders where id > 1")
    for restart in (False, True):
        with pytest.raises(TargetError, match="did not make"):
            migrate(source, plan, database, run_id="r2", restart=restart)
    assert rows(connection, "select count(*) from late") == [(5,)]


def test_views_made_by_hand_from_the_printed_schema_are_welcome_and_not_ours(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    plan = _plan(source)
    connection.execute(schema_script(plan.target, list(plan.target.tables)))  # type: ignore[call-overload]
    assert rows(connection, _VIEWS) == [("late",), ("mine",), ("over",)]
    assert migrate(source, plan, database) == ()
    assert findings(source, plan, database) == []
    assert rows(connection, "select * from _naru.view") == []


def test_another_schema_is_named_in_the_view(source: FrameSource, database: Target, connection: Connection) -> None:
    mapping = draft(source.catalog(), schema="My shop").mapping
    plan = plan_of(source, mapping)
    assert migrate(source, plan, database) == ()
    assert rows(connection, 'select count(*) from "My shop".over') == [(4,)]
    assert migrate(source, replace(plan), database, run_id="r2", restart=True) == ()


def test_a_later_mapping_adds_views_to_tables_that_stand(
    source: FrameSource, database: Target, connection: Connection
) -> None:
    without = plan_of(source, draft(source.catalog()).mapping.model_copy(update={"views": {}}))
    migrate(source, without, database)
    assert rows(connection, _VIEWS) == []
    assert migrate(source, _plan(source), database, run_id="r2") == ()
    assert rows(connection, _VIEWS) == [("late",), ("mine",), ("over",)]
    assert rows(connection, "select distinct run_id from _naru.load") == [("r1",)]


def test_a_view_that_takes_too_long_is_taken_back(
    source: FrameSource, database: Target, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.load.views._TIMEOUT_S", 1)
    endless = "select a.id from customers a" + "".join(f" cross join customers x{n}" for n in range(20))
    notices = migrate(source, _plan(source, Late=endless), database)
    assert [notice.table for notice in notices] == ["Late"]
    assert "statement timeout" in notices[0].text
    assert rows(connection, _VIEWS) == [("mine",), ("over",)]
    assert rows(connection, "show statement_timeout") == [("0",)]
