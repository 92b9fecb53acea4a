"""Content after a whole migration: what waits in the quarantine, stood before, or was changed by the mapping."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from decimal import Decimal
from typing import Any

import polars as pl
import pytest

from pipeline.batch import Batch, Position
from pipeline.engine.summary import verify_plan
from pipeline.errors import TargetError
from pipeline.outcome import Level
from pipeline.postgres import copy_out
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.verify import content as content_verifier
from pipeline.verify.sides import Sides
from tests.frames import FrameSource
from tests.unit.load.walk import (
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

ITEM = table("item", (column("id"), column("code", "Text(9)"), column("price", "Currency")), key("id"))
PART = table("part", (column("id"), column("item")), key("id"), references=(reference("item", "item"),))
LOOSE = table("loose", (column("id"), column("item")), references=(reference("item", "item"),))


def given() -> FrameSource:
    return source(
        {
            ITEM: [(1, "a ", Decimal("1.2345")), (2, "b", None), (2, "B", Decimal("7.5")), (3, None, Decimal(0))],
            PART: [(1, 1), (2, 99), (3, None)],
            LOOSE: [(1, 98), (1, 98), (None, None)],
        }
    )


def content(source: FrameSource, plan: Any, target: Target) -> list[tuple[str, str, str]]:
    with connect(target, application_name="t", autocommit=True) as connection:
        found = verify_plan(connection, plan, source)
    return [(f.table, f.subject, f.detail) for f in found if f.verifier == "content"]


def test_the_quarantine_holds_what_the_target_does_not(database: Target, connection: Connection) -> None:
    source = given()
    plan = plan_of(source)
    migrate(source, plan, database)
    assert {f[2] for f in findings(source, plan, database)} == {"duplicate_key", "orphan"}
    connection.execute(
        """update _naru.reject set row_values = replace(row_values::text, 'B', 'b')::json where source_table = 'item'"""
    )
    assert content(source, plan, database) == [("item", "code", "1, at id=2: source 'B', target 'b'")]
    connection.execute("delete from _naru.reject where source_table = 'part'")
    assert content(source, plan, database)[1:] == [("part", "missing rows", "1, id=2")]


def test_a_row_that_never_arrived_is_not_missed_as_long_as_it_waits(database: Target, connection: Connection) -> None:
    source = given()
    plan = plan_of(source, retyped(mapping_of(source), "item", "code", type="inet"))
    migrate(source, plan, database)
    assert [f[:3] for f in findings(source, plan, database)][:1] == [("rejects", "item", "sqlstate_22P02")]
    assert content(source, plan, database) == []
    connection.execute("delete from _naru.reject where source_table = 'item' and locator = 2")
    assert content(source, plan, database) == [("item", "missing rows", "1, id=2")]


def test_a_change_by_the_mapping_is_none_and_its_rule_is_named_beside_one(
    database: Target, connection: Connection
) -> None:
    source = given()
    plan = plan_of(source, retyped(mapping_of(source), "item", "price", type="numeric(9,2)", round=True))
    migrate(source, plan, database)
    assert content(source, plan, database) == []
    connection.execute("update item set price = 1.24, code = 'x' where id = 1")
    assert content(source, plan, database) == [
        ("item", "code", "1, at id=1: source 'a ', target 'x'"),
        ("item", "price", "1, at id=1: source 1.23, target 1.24 (changed by the mapping: cast)"),
    ]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_ours_are_found_among_rows_of_others(database: Target, connection: Connection, mode: str) -> None:
    source = given()
    plan = plan_of(source, mapping_of(source, {"item": {"load": mode}}))
    make_by_hand(connection, plan)
    connection.execute("insert into item values (7, 'theirs', 1), (8, null, null)")
    migrate(source, plan, database)
    assert content(source, plan, database) == []
    connection.execute("update item set code = 'mine' where id = 7")
    assert content(source, plan, database) == [], "what others have is theirs to change"
    connection.execute("update item set price = price + 0.0001 where id = 3")
    connection.execute("set session_replication_role = replica; delete from item where id = 1")
    assert content(source, plan, database) == [
        ("item", "price", "1, at id=3: source 0.0000, target 0.0001"),
        ("item", "missing rows", "1, id=1"),
    ]


@pytest.mark.parametrize("keyed", [True, False])
def test_any_number_of_rows_of_others_costs_one_more_reading(
    database: Target, connection: Connection, monkeypatch: pytest.MonkeyPatch, *, keyed: bool
) -> None:
    monkeypatch.setattr(content_verifier, "_CELLS_AT_ONCE", 60)
    monkeypatch.setattr(copy_out, "_ROWS", 7)
    readings: list[Sides] = []
    target = Sides.target

    def counted(sides: Sides) -> Generator[pl.DataFrame, None, None]:
        readings.append(sides)
        return target(sides)

    monkeypatch.setattr(Sides, "target", counted)
    item = table("item", (column("id"), column("code", "Text(9)")), *[key("id")] * keyed)
    held = source({item: [(n if keyed else n // 2, "ours") for n in range(40)]})
    plan = plan_of(held, mapping_of(held, {"item": {"load": "append"}}))
    make_by_hand(connection, plan)
    connection.execute("insert into item select n, 'theirs' from generate_series(1000, 2000) as n")
    migrate(held, plan, database)
    assert content(held, plan, database) == []
    assert len(readings) == 1
    connection.execute("delete from item where ctid = (select min(ctid) from item where id = 9)")
    assert [found[:2] for found in content(held, plan, database)] == [("item", "missing rows")]
    assert len(readings) == 3


class Unordered(FrameSource):
    """Gives its rows the other way round from the second time on."""

    turned = False

    def batches(self, table: str, *, columns: tuple[str, ...] | None = None, **_: object) -> Iterator[Batch]:  # type: ignore[override]
        frame = self.frames[table].select(columns or pl.all())
        frame, self.turned = frame.reverse() if self.turned else frame, True
        yield Batch(frame, pl.Series(range(frame.height), dtype=pl.Int64), Position(None))


def test_a_row_that_waits_is_told_by_its_values_where_the_source_has_no_order(
    database: Target, connection: Connection
) -> None:
    loose = table("loose", (column("id"), column("address", "Memo")))
    held = source({loose: [(1, "x"), (1, "x"), (2, "nowhere"), (3, "10.0.0.1"), (4, "10.0.0.2"), (5, None)]})
    turning = Unordered(held.tables, held.frames)
    plan = plan_of(turning, retyped(mapping_of(turning), "loose", "address", type="inet"))
    migrate(turning, plan, database)
    assert content(turning, plan, database) == []
    connection.execute("delete from _naru.reject where reject_id = 1; delete from loose where id = 4")
    found = content(turning, plan, database)
    assert [(subject, detail.split(",")[0]) for _, subject, detail in found] == [("missing rows", "2")]


def test_a_level_asks_no_more_than_it_says(database: Target, connection: Connection) -> None:
    source = source_of_one()
    plan = plan_of(source)
    migrate(source, plan, database)
    connection.execute("update item set code = 'x'; alter table item drop constraint item_pkey")
    assert findings(source, plan, database, Level.COUNTS) == []
    assert findings(source, plan, database, Level.KEYS) == [("keys", "item", "item_pkey", 1)]
    assert findings(source, plan, database)[1:] == [("content", "item", "code", 1)]
    assert rows(connection, "select code from item") == [("x",)], "nothing is written"


def test_rows_that_a_policy_hides_are_an_error_and_not_absent(database: Target, connection: Connection) -> None:
    source = source_of_one()
    plan = plan_of(source)
    migrate(source, plan, database)
    connection.execute("insert into item values (9, 'theirs', 1)")
    connection.execute("alter table item enable row level security, force row level security")
    connection.execute("create policy few on item using (id < 5); create role hidden")
    connection.execute(
        "grant usage on schema _naru to hidden; grant select on all tables in schema public, _naru to hidden"
    )
    try:
        connection.execute("set role hidden")
        with pytest.raises(TargetError, match="row-level security"):
            verify_plan(connection, plan, source)
    finally:
        connection.execute("reset role; drop owned by hidden; drop role hidden")


def source_of_one() -> FrameSource:
    return source({ITEM: [(1, "a", None)]})
