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
    connection.execute(
        "create function fail() returns trigger language plpgsql as $$ begin raise 'too small'; end $$;"
        "create trigger small before insert on part for each row when (new.id = 2) execute function fail()"
    )
    before = rows(connection, "select * from item order by id")
    with pytest.raises(TargetError, match="too small"):
        migrate(source, plan, database)
    assert rows(connection, "select * from item order by id") == before
    assert rows(connection, "select count(*) from _naru.reject") == [(0,)]
    connection.execute("drop trigger small on part")
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
        ("drop table item cascade; create view item as select 1 as id", "no table: its kind is view"),
        ("drop table item cascade; create index item on part (id)", "no table: its kind is index"),
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


@pytest.mark.parametrize(
    ("index", "named"),
    [
        ("create unique index on use (a, b) where b is not null", "that is no key of it"),
        ("alter table use add unique (a, b) deferrable", "its key use_a_b_key is deferrable"),
        ("create unique index on use (a)", "that is no key of it"),
    ],
)
def test_an_upsert_without_a_key_that_tells_every_row_is_refused_at_once(
    database: Target, connection: Connection, index: str, named: str
) -> None:
    given, plan = upsert_by_two()
    connection.execute("create table use (a int, b int, note text)")
    connection.execute(index)  # type: ignore[arg-type]
    with pytest.raises(TargetError, match=named):
        migrate(given, plan, database)
    assert rows(connection, "select count(*) from _naru.batch") == [(0,)]


def test_an_upsert_finds_rows_by_a_key_in_another_order(database: Target, connection: Connection) -> None:
    given, plan = upsert_by_two()
    connection.execute("create table use (a int, b int, note text, primary key (b, a))")
    connection.execute("insert into use values (1, 2, 'old'), (2, 1, 'old')")
    migrate(given, plan, database)
    assert rows(connection, "select * from use order by a") == [(1, 2, "new"), (2, 1, "old")]


def upsert_by_two() -> tuple[FrameSource, Plan]:
    use = table("use", (column("a"), column("b"), column("note", "Memo")), key("a", "b"))
    given = source({use: [(1, 2, "new")]})
    return given, plan_of(given, mapping_of(given, {"use": {"load": "upsert"}}))


@pytest.mark.parametrize("minimum", [1, 1000])
def test_a_table_without_rows_numbers_on_from_where_it_stood(
    database: Target, connection: Connection, minimum: int
) -> None:
    connection.execute(
        f"create table item (id int generated by default as identity (minvalue {minimum}) primary key,"  # type: ignore[arg-type]
        " code varchar(9) unique, note text)"
    )
    empty = source({ITEM: []})
    plan = plan_of(empty)
    migrate(empty, plan, database)
    assert findings(empty, plan, database) == []
    assert rows(connection, "insert into item (code) values ('c') returning id") == [(minimum,)]


def test_the_next_number_is_never_set_back(database: Target, connection: Connection) -> None:
    connection.execute("create table item (id serial primary key, code varchar(9) unique, note text)")
    connection.execute("alter sequence item_id_seq restart with 500")
    few = source({ITEM: [(5, "a", None)]})
    plan = plan_of(few)
    migrate(few, plan, database)
    assert findings(few, plan, database) == []
    assert rows(connection, "insert into item (code) values ('c') returning id") == [(500,)]


def test_a_parent_in_partitions_is_one_relationship(database: Target, connection: Connection) -> None:
    connection.execute(
        """create table item (id int primary key, code varchar(9), note text) partition by range (id);
        create table item_low partition of item for values from (0) to (10);
        create table item_high partition of item for values from (10) to (99);
        create table part (id int primary key, item int references item)"""
    )
    both = source(
        {
            PART: [(1, 1), (2, 50), (3, 7)],
            table("item", ITEM.columns, key("id")): [(1, "a", None), (50, "b", None)],
        }
    )
    plan = plan_of(both)
    migrate(both, plan, database)
    assert rows(connection, "select * from part order by id") == [(1, 1), (2, 50)]
    assert rows(connection, REJECTS) == [("part", 2, "orphan")]


TIMING = """select condeferrable, condeferred, convalidated from pg_constraint
    where contype = 'f' and connamespace = 'public'::regnamespace"""
A = table("a", (column("id"), column("b")), key("id"), references=(reference("b", "b"),))
B = table("b", (column("id"), column("a")), key("id"), references=(reference("a", "a"),))


@pytest.mark.parametrize("load", ["append", "upsert", "replace"])
def test_tables_that_refer_to_each_other_are_merged_and_their_keys_left_as_they_were(
    database: Target, connection: Connection, load: str
) -> None:
    circle = source({A: [(1, 1), (2, 2), (3, 9)], B: [(1, 2), (2, 1), (3, 3)]})
    plan = plan_of(circle, mapping_of(circle, {"a": {"load": load}, "b": {"load": load}}))
    make_by_hand(connection, plan)
    connection.execute("insert into a values (7, null); insert into b values (7, 7); update a set b = 7")
    migrate(circle, plan, database)
    old = [] if load == "replace" else [(7, 7)]
    assert rows(connection, "select * from a order by id") == [(1, 1), (2, 2), *old]
    assert rows(connection, "select * from b order by id") == [(1, 2), (2, 1), *old]
    assert rows(connection, TIMING) == [(False, False, True)] * 2


REFUSALS = {
    "a check": ("alter table item add check (note <> 'bad') not valid", "check_violation"),
    "a partial key": ("create unique index on item (note) where note = 'bad'", "duplicate_key"),
    "a key to another schema": (
        "create schema o; create table o.n (note text primary key); insert into o.n values ('good');"
        "alter table item add foreign key (note) references o.n",
        "sqlstate_23503",
    ),
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_row_that_only_postgresql_knows_to_be_bad_goes_alone(
    database: Target, connection: Connection, refusal: str
) -> None:
    """And its children are orphans."""
    many: list[tuple[object, ...]] = [(n, f"c{n}", "bad" if n in (4, 30) else "good") for n in range(40)]
    given = source({PART: [(1, 30), (2, 29), (3, None)], ITEM: many})
    plan = plan_of(given)
    make_by_hand(connection, plan)
    statement, reason = REFUSALS[refusal]
    connection.execute(statement)  # type: ignore[arg-type]
    migrate(given, plan, database)
    bad = [30] if refusal == "a partial key" else [4, 30]
    assert rows(connection, REJECTS) == [("item", n, reason) for n in bad] + [("part", 0, "orphan")]
    assert rows(connection, "select count(*) from item") == [(40 - len(bad),)]
    assert rows(connection, "select id from part order by id") == [(2,), (3,)]
    assert {f[0] for f in findings(given, plan, database)} == {"rejects"}
    assert rows(connection, "select distinct stage from _naru.reject") == [("constraint",)]


def forbid(connection: Connection, table: str, id: int) -> None:
    """Refuse a row for a reason that no catalog tells."""
    connection.execute(
        "create function forbid() returns trigger language plpgsql as"
        " $$ begin raise 'forbidden' using errcode = 'check_violation'; end $$;"
        f"create trigger forbid before insert on {table} for each row when (new.id = {id}) execute function forbid()"  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("load", ["append", "replace"])
def test_a_bad_row_of_a_circle_takes_only_those_along_that_name_it(
    database: Target, connection: Connection, load: str
) -> None:
    circle = source({A: [(1, 1), (2, 2), (3, 4), (4, 3)], B: [(1, 2), (2, 1), (3, 3), (4, 4)]})
    plan = plan_of(circle, mapping_of(circle, {"a": {"load": load}, "b": {"load": load}}))
    make_by_hand(connection, plan)
    connection.execute("insert into a values (7, null); insert into b values (7, 7); update a set b = 7")
    forbid(connection, "b", 4)
    migrate(circle, plan, database)
    assert rows(connection, REJECTS) == [
        ("a", 2, "orphan"),
        ("a", 3, "orphan"),
        ("b", 2, "orphan"),
        ("b", 3, "sqlstate_23514"),
    ]
    old = [] if load == "replace" else [(7,)]
    assert rows(connection, "select id from a order by id") == [(1,), (2,), *old]
    assert rows(connection, TIMING) == [(False, False, True)] * 2


def test_a_self_reference_costs_no_good_row_when_a_bad_one_is_searched(
    database: Target, connection: Connection
) -> None:
    node = table("node", (column("id"), column("up")), key("id"), references=(reference("up", "node"),))
    nodes: list[tuple[object, ...]] = [*((n, 19 if n < 19 else None) for n in range(20)), (20, 21), (21, None)]
    given = source({node: nodes})
    plan = plan_of(given)
    make_by_hand(connection, plan)
    forbid(connection, "node", 21)
    migrate(given, plan, database)
    assert rows(connection, REJECTS) == [("node", 20, "orphan"), ("node", 21, "sqlstate_23514")]
    assert rows(connection, "select count(*) from node") == [(20,)]
    assert rows(connection, "select detail from _naru.reject where locator = 21") == [("forbidden",)]
    assert rows(connection, TIMING) == [(False, False, True)]
