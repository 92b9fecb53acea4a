"""Tables that stood before: append, upsert and replace through staging, all or nothing."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.catalog import Action
from pipeline.engine.plan import Plan
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
    rows,
    source,
    table,
)

ITEM = table(
    "item",
    (column("id", identity=True), column("code", "Text(9)"), column("note", "Memo")),
    key("id"),
    key("code", primary=False),
)
PART = table("part", (column("id"), column("item")), key("id"), references=(reference("item", "item"),))


def given() -> FrameSource:
    return source(
        {
            PART: [(1, 1), (2, 3), (3, 9), (1, 2)],
            ITEM: [(1, "a", "new"), (2, "b", "new"), (3, "c", "new"), (2, "x", "twice"), (4, "old", "code is taken")],
        }
    )


def planned(source: FrameSource, load: str) -> Plan:
    return plan_of(source, mapping_of(source, {"item": {"load": load}, "part": {"load": load}}))


def standing(connection: Connection, plan: Plan) -> None:
    make_by_hand(connection, plan)
    connection.execute("insert into item (id, code, note) values (1, 'one', 'old'), (7, 'old', 'old')")
    connection.execute("insert into part values (1, 7), (8, 7)")


def test_append_keeps_what_stands_and_refuses_what_it_holds(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source, "append")
    standing(connection, plan)
    migrate(source, plan, database)
    assert rows(connection, "select * from item order by id") == [
        (1, "one", "old"), (2, "b", "new"), (3, "c", "new"), (7, "old", "old"),
    ]  # fmt: skip
    assert rows(connection, "select * from part order by id") == [(1, 7), (2, 3), (8, 7)]
    assert rows(connection, REJECTS) == [
        ("item", 0, "key_exists"),
        ("item", 3, "duplicate_key"),
        ("item", 4, "key_exists"),
        ("part", 0, "key_exists"),
        ("part", 2, "orphan"),
        ("part", 3, "duplicate_key"),
    ]
    assert findings(source, plan, database) == [
        ("rejects", "item", "duplicate_key", 1),
        ("rejects", "item", "key_exists", 2),
        ("rejects", "part", "duplicate_key", 1),
        ("rejects", "part", "key_exists", 1),
        ("rejects", "part", "orphan", 1),
    ]
    assert rows(connection, "insert into item (code) values ('next') returning id") == [(8,)]


def test_upsert_updates_what_it_knows_and_keeps_the_rest(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source, "upsert")
    standing(connection, plan)
    migrate(source, plan, database)
    assert rows(connection, "select * from item order by id") == [
        (1, "a", "new"), (2, "b", "new"), (3, "c", "new"), (7, "old", "old"),
    ]  # fmt: skip
    assert rows(connection, "select * from part order by id") == [(1, 1), (2, 3), (8, 7)]
    assert [f for f in findings(source, plan, database) if f[0] != "rejects"] == []
    assert rows(connection, "select target_table, rows_before, rows_updated from _naru.load order by 1") == [
        ("item", 2, 1),
        ("part", 2, 1),
    ]


def test_replace_takes_out_every_old_row_children_first(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source, "replace")
    standing(connection, plan)
    migrate(source, plan, database)
    assert rows(connection, "select * from item order by id") == [
        (1, "a", "new"), (2, "b", "new"), (3, "c", "new"), (4, "old", "code is taken"),
    ]  # fmt: skip
    assert rows(connection, "select * from part order by id") == [(1, 1), (2, 3)]
    assert rows(connection, REJECTS) == [
        ("item", 3, "duplicate_key"),
        ("part", 2, "orphan"),
        ("part", 3, "duplicate_key"),
    ]
    assert [f for f in findings(source, plan, database) if f[0] != "rejects"] == []


def test_a_child_of_a_replaced_row_that_is_not_loaded_again_is_an_orphan(
    database: Target, connection: Connection
) -> None:
    """The parent's old rows do not count: they are gone when the child arrives."""
    source = given()
    names_old_item = source.frames["part"].slice(2, 1).with_columns(item=pl.lit(7, pl.Int32))
    source.frames = {**source.frames, "part": names_old_item}
    plan = planned(source, "replace")
    standing(connection, plan)
    migrate(source, plan, database)
    assert ("part", 0, "orphan") in rows(connection, REJECTS)
    assert rows(connection, "select * from part") == []


def test_replace_never_takes_rows_of_another_table_along(database: Target, connection: Connection) -> None:
    cascades = reference("item", "item", on_delete=Action.CASCADE)
    cascading = table("part", (column("id"), column("item")), key("id"), references=(cascades,))
    both = source({cascading: [(1, 1)], ITEM: [(1, "a", "new")]})
    plan = plan_of(both, mapping_of(both, {"item": {"load": "replace"}}))
    standing(connection, plan)
    with pytest.raises(TargetError, match="rows of part would go"):
        migrate(both, plan, database)
    assert rows(connection, "select * from part order by id") == [(1, 7), (8, 7)]
    assert rows(connection, "select * from item order by id") == [(1, "one", "old"), (7, "old", "old")]


def test_a_merge_is_all_or_nothing_and_is_done_when_the_cause_is_gone(database: Target, connection: Connection) -> None:
    source = given()
    plan = planned(source, "append")
    standing(connection, plan)
    connection.execute("alter table part add constraint small check (id < 2) not valid")
    before = rows(connection, "select * from item order by id")
    with pytest.raises(TargetError, match="small"):
        migrate(source, plan, database)
    assert rows(connection, "select * from item order by id") == before
    assert rows(connection, "select count(*) from _naru.reject") == [(0,)]
    connection.execute("alter table part drop constraint small")
    migrate(source, plan, database, run_id="r2")
    assert rows(connection, "select count(*) from item") == [(4,)]
    assert (
        rows(connection, "select table_name::text from information_schema.tables where table_name like 'stage%'") == []
    )


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("alter table item alter code type varchar(8)", r"column code is varchar\(8\), the mapping says varchar\(9\)"),
        ("alter table item drop note", "column note is missing"),
        ("alter table item add made timestamp not null", "column made is required there"),
        ("alter table item drop note; alter table item add note text generated always as (code) stored", "note"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_before_a_row_is_loaded(
    database: Target, connection: Connection, change: str, named: str
) -> None:
    source = given()
    plan = planned(source, "append")
    make_by_hand(connection, plan)
    connection.execute(change)  # type: ignore[arg-type]

    def never(_table: str, _row: int) -> None:
        raise AssertionError("a row was read")

    source.before_batch = never
    with pytest.raises(TargetError, match=named):
        migrate(source, plan, database)


def test_columns_that_the_target_fills_by_itself_are_left_to_it(database: Target, connection: Connection) -> None:
    """A serial key, an identity that is always generated, a default, an odd type: none of them is in the source."""
    connection.execute("create type \"odd(type)\" as enum ('x')")
    connection.execute(
        """create table item (
            row_no serial primary key, again int generated always as identity unique, owner int references item,
            made timestamp not null default now(), odd "odd(type)",
            id int not null unique, code varchar(9), note text)"""
    )
    simple = source({table("item", ITEM.columns, key("id")): [(5, "a", None), (6, "b", None), (5, "c", None)]})
    plan = plan_of(simple)
    migrate(simple, plan, database)
    assert rows(connection, "select row_no, again, id, code from item order by 1") == [(1, 1, 5, "a"), (2, 2, 6, "b")]
    assert rows(connection, REJECTS) == [("item", 2, "duplicate_key")]


@pytest.mark.parametrize(
    "numbering", ["serial", "int generated always as identity", "int generated by default as identity (start with 3)"]
)
def test_the_next_number_of_a_hand_made_table_follows_what_arrived(
    database: Target, connection: Connection, numbering: str
) -> None:
    connection.execute(f"create table item (id {numbering} primary key, code varchar(9) unique, note text)")  # type: ignore[arg-type]  # fmt: skip
    simple = source({ITEM: [(5, "a", None), (41, "b", None)]})
    plan = plan_of(simple)
    migrate(simple, plan, database)
    assert findings(simple, plan, database) == []
    assert rows(connection, "insert into item (code) values ('c') returning id") == [(42,)]
