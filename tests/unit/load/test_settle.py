"""A first load: which rows break a key or a relationship, in which order, and what is built afterwards."""

from __future__ import annotations

import random

import pytest
from psycopg.errors import CheckViolation, UniqueViolation

from pipeline.catalog import Action
from pipeline.errors import TargetError
from pipeline.mapping.models import CheckMapping, IndexMapping
from pipeline.postgres.connect import Connection, Target
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

ITEM = table("item", (column("id"), column("note", "Memo")), key("id"))


class Crash(Exception):
    """Stands for a process that dies: nothing of ours catches it."""


def test_of_rows_with_one_key_the_first_of_the_source_stays(database: Target, connection: Connection) -> None:
    """Rows of mixed length: PostgreSQL puts a short one into an earlier page that a long one did not fit."""
    dice = random.Random(7)
    keys = [dice.randrange(3000) for _ in range(9000)]
    first = source(
        {ITEM: [(k, f"{n} " + "".join(dice.choices("abcdefgh", k=dice.randrange(1900)))) for n, k in enumerate(keys)]}
    )
    plan = plan_of(first)

    def die(_table: str, row: int) -> None:
        if row >= 4000:
            raise Crash

    first.before_batch = die
    with pytest.raises(Crash):
        migrate(first, plan, database, batch_rows=1000)
    first.before_batch = lambda _table, _row: None
    migrate(first, plan, database, run_id="r2", batch_rows=2500)
    wanted = {k: n for n, k in reversed([*enumerate(keys)])}
    kept = {k: int(n) for k, n in rows(connection, "select id, split_part(note, ' ', 1) from item")}
    assert kept == wanted
    locators = [locator for (locator,) in rows(connection, "select locator from _naru.reject order by reject_id")]
    assert locators == sorted({*range(9000)} - {*wanted.values()})
    assert findings(first, plan, database) == [("rejects", "item", "duplicate_key", 9000 - len(wanted))]


def test_nothing_of_ours_stays_in_the_table(database: Target, connection: Connection) -> None:
    given = source({ITEM: [(1, "a")]})
    migrate(given, plan_of(given), database)
    names = (
        "select attname::text from pg_attribute where attrelid = 'item'::regclass and attnum > 0 and not attisdropped"
    )
    assert rows(connection, names) == [("id",), ("note",)]
    assert rows(connection, "select reloptions from pg_class where oid = 'item'::regclass") == [(None,)]


def test_nulls_in_a_composite_key_are_no_duplicates_and_name_no_parent(
    database: Target, connection: Connection
) -> None:
    part = table("part", (column("a"), column("b"), column("id")), key("id"), key("a", "b", primary=False))
    use = table(
        "use", (column("a"), column("b"), column("id")), key("id"), references=(reference("a b", "part", "a b"),)
    )
    given = source(
        {
            use: [(1, 1, 1), (1, None, 2), (None, 9, 3), (9, 9, 4), (None, None, 5), (1, 2, 6)],
            part: [(1, 1, 1), (1, None, 2), (1, None, 3), (None, None, 4), (None, None, 5), (1, 1, 6)],
        }
    )
    plan = plan_of(given)
    migrate(given, plan, database)
    assert rows(connection, REJECTS) == [("part", 5, "duplicate_key"), ("use", 3, "orphan"), ("use", 5, "orphan")]
    assert findings(given, plan, database) == [
        ("rejects", "part", "duplicate_key", 1),
        ("rejects", "use", "orphan", 2),
    ]


def test_orphans_go_through_every_level_and_through_cycles(database: Target, connection: Connection) -> None:
    a = table("a", (column("id"), column("b")), key("id"), references=(reference("b", "b"),))
    b = table("b", (column("id"), column("a")), key("id"), references=(reference("a", "a"),))
    leaf = table(
        "leaf",
        (column("id"), column("a"), column("up")),
        key("id"),
        references=(reference("a", "a"), reference("up", "leaf")),
    )
    given = source(
        {
            leaf: [(1, 1, None), (2, 4, None), (3, 1, 2), (4, 1, 3), (5, 1, 4), (6, 1, 6), (7, None, None)],
            a: [(1, 1), (2, 2), (3, 9), (4, 3), (5, None)],  # 1 and 2 are in cycles; 3 is an orphan
            b: [(1, 1), (2, 2), (3, 3)],  # 3 names a 3, which goes; then a 4 names b 3
        }
    )
    plan = plan_of(given)
    migrate(given, plan, database)
    assert rows(connection, "select id from a order by id") == [(1,), (2,), (5,)]
    assert rows(connection, "select id from b order by id") == [(1,), (2,)]
    assert rows(connection, "select id from leaf order by id") == [(1,), (6,), (7,)]
    assert findings(given, plan, database) == [
        ("rejects", name, "orphan", count)
        for task in plan.tasks
        for name, count in (("a", 2), ("b", 1), ("leaf", 4))
        if name == task.target.name
    ]


PARENT = table("parent", (column("id"),), key("id"))
MIDDLE = table("middle", (column("id"), column("parent")), key("id"), references=(reference("parent", "parent"),))
CHILD = table(
    "child",
    (column("id"), column("middle")),
    key("id"),
    references=(reference("middle", "middle", on_delete=Action.CASCADE),),
)
FAMILY = {
    CHILD: [(1, 1), (2, 2), (3, None)],
    MIDDLE: [(1, 1), (2, 9), (3, None)],
    PARENT: [(1,), (2,)],
}


def test_a_relationship_waits_for_a_parent_that_is_migrated_later(database: Target, connection: Connection) -> None:
    """When the parent comes, an orphan of the earlier run goes to the quarantine, and so do its own children."""
    given = source(FAMILY)
    notices = migrate(given, plan_of(given, only=("middle", "child")), database)
    assert [notice.table for notice in notices] == ["middle"]
    plan = plan_of(given)
    assert migrate(given, plan, database, run_id="r2") == ()
    assert rows(connection, "select source_table, reason, row_values->>'id' from _naru.reject order by 1") == [
        ("child", "orphan", "2"),
        ("middle", "orphan", "2"),
    ]
    assert rows(connection, "select id from child order by id") == [(1,), (3,)]
    assert findings(given, plan, database) == [("rejects", "middle", "orphan", 1), ("rejects", "child", "orphan", 1)]


def test_rows_of_a_table_outside_the_run_never_go_along_unseen(database: Target, connection: Connection) -> None:
    given = source(FAMILY)
    migrate(given, plan_of(given, only=("middle", "child")), database)
    with pytest.raises(TargetError, match="rows of child would go"):
        migrate(given, plan_of(given, only=("parent", "middle")), database, run_id="r2")
    assert rows(connection, "select count(*) from child") == [(3,)]
    assert rows(connection, "select count(*) from middle") == [(3,)]
    plan = plan_of(given)
    migrate(given, plan, database, run_id="r3")
    assert findings(given, plan, database) == [("rejects", "middle", "orphan", 1), ("rejects", "child", "orphan", 1)]


def test_tables_of_ours_that_refer_to_each_other_are_made_again(database: Target, connection: Connection) -> None:
    a = table("a", (column("id"), column("b")), key("id"), references=(reference("b", "b"),))
    b = table("b", (column("id"), column("a")), key("id"), references=(reference("a", "a"),))
    given = source({a: [(1, 1)], b: [(1, 1)]})
    plan = plan_of(given)
    migrate(given, plan, database)
    migrate(given, plan, database, run_id="r2", restart=True)
    assert findings(given, plan, database) == []


def test_a_parent_made_again_alone_gets_its_children_back_with_the_next_run(
    database: Target, connection: Connection
) -> None:
    given = source(FAMILY)
    migrate(given, plan_of(given), database)
    notices = migrate(given, plan_of(given, only=("parent",)), database, run_id="r2", restart=True)
    text = "relationship middle_parent_fkey to parent is not built: run migrate again with middle too"
    assert [(n.table, n.text) for n in notices] == [("middle", text)]
    plan = plan_of(given)
    assert ("foreign_keys", "middle", "middle_parent_fkey", 1) in findings(given, plan, database)
    migrate(given, plan, database, run_id="r3")
    assert {f[0] for f in findings(given, plan, database)} == {"rejects"}


def test_a_table_that_somebody_else_refers_to_is_not_made_again(database: Target, connection: Connection) -> None:
    given = source({ITEM: [(1, "a")]})
    migrate(given, plan_of(given), database)
    connection.execute("create table theirs (item int constraint their_key references item)")
    with pytest.raises(TargetError, match=r"their_key of table public\.theirs") as refused:
        migrate(given, plan_of(given), database, run_id="r2", restart=True)
    assert "drop that foreign key" in str(refused.value.hint)
    assert rows(connection, "select id from item") == [(1,)]


RULED = table("ruled", (column("id"), column("n")), key("id"), rules={"n": ">=0 And <=365"})


def test_rows_that_break_a_check_wait_in_the_quarantine(database: Target, connection: Connection) -> None:
    """Of two rows with one key the sound one stays; NULL breaks nothing."""
    given = source({RULED: [(1, 0), (2, 366), (2, 365), (3, None), (4, -1)]})
    plan = plan_of(given)
    migrate(given, plan, database)
    assert rows(connection, "select id, n from ruled order by id") == [(1, 0), (2, 365), (3, None)]
    assert rows(connection, REJECTS) == [("ruled", 1, "check_violation"), ("ruled", 4, "check_violation")]
    with pytest.raises(CheckViolation, match="ruled_n_check"):
        connection.execute("insert into ruled values (9, 400)")
    assert findings(given, plan, database) == [("rejects", "ruled", "check_violation", 2)]


def test_rows_that_break_a_check_of_a_table_that_stood_before_wait_too(
    database: Target, connection: Connection
) -> None:
    given = source({RULED: [(1, 0), (2, 366)]})
    plan = plan_of(given)
    make_by_hand(connection, plan)
    migrate(given, plan, database)
    assert rows(connection, "select id, n from ruled") == [(1, 0)]
    assert rows(connection, REJECTS) == [("ruled", 1, "check_violation")]


def test_what_postgresql_refuses_to_build_is_told_before_a_row_is_read(
    database: Target, connection: Connection
) -> None:
    """An integer is never the empty text; to be found after the rows, it would cost their load."""
    given = source({ITEM: [(1, "7")]})
    check = CheckMapping(name="filled", sql="\"note\" <> ''")
    mapping = retyped(mapping_of(given, {"item": {"checks": (check,)}}), "item", "note", type="integer")
    given.before_batch = lambda *_: pytest.fail("a row was read")
    with pytest.raises(TargetError, match="table item cannot have all that the mapping says") as refused:
        migrate(given, plan_of(given, mapping), database)
    assert "checks" in str(refused.value.hint)
    assert rows(connection, "select to_regclass('item')") == [(None,)]


PRICE = table("price", (column("id"), column("item"), column("ends")), key("id"))
PRICES = {PRICE: [(1, 7, None), (2, 7, 5), (3, 7, 5), (4, 7, None), (5, None, None), (6, None, None), (7, 8, None)]}
CURRENT = IndexMapping(name="current", columns=("item",), include=("id",), unique=True, where="ends is null")


def test_rows_that_are_unique_among_some_are_held_to_that_before_the_index_is_built(
    database: Target, connection: Connection
) -> None:
    """One price of each item is the current one; NULLs are never equal."""
    given = source(PRICES)
    plan = plan_of(given, mapping_of(given, {"price": {"indexes": (CURRENT,)}}))
    migrate(given, plan, database)
    assert rows(connection, "select id from price order by id") == [(1,), (2,), (3,), (5,), (6,), (7,)]
    told = rows(connection, "select locator, reason, detail from _naru.reject")
    assert told == [(3, "duplicate_key", 'another row came first with the same item, among those with "ends" IS NULL')]
    with pytest.raises(UniqueViolation, match="current"):
        connection.execute("insert into price values (9, 8, null)")
    connection.execute("insert into price values (9, 8, 1)")
    connection.execute("delete from price where id = 9")
    assert findings(given, plan, database) == [("rejects", "price", "duplicate_key", 1)]


def test_rows_are_held_to_what_is_unique_among_some_of_a_table_that_stood_before(
    database: Target, connection: Connection
) -> None:
    given = source(PRICES)
    plan = plan_of(given, mapping_of(given, {"price": {"indexes": (CURRENT,)}}))
    make_by_hand(connection, plan)
    connection.execute("insert into price values (0, 8, null)")
    migrate(given, plan, database)
    assert rows(connection, "select id from price order by id") == [(0,), (1,), (2,), (3,), (5,), (6,)]
    assert rows(connection, REJECTS) == [("price", 3, "duplicate_key"), ("price", 6, "key_exists")]
    assert {row[2] for row in findings(given, plan, database)} == {"duplicate_key", "key_exists"}


@pytest.mark.parametrize(
    ("condition", "refused"), [("ends is null or mine > 0", [1, 2, 3]), ("(price.*) is not null", [2])]
)
def test_rows_of_an_index_that_only_postgresql_can_tell_are_refused_by_it(
    database: Target, connection: Connection, condition: str, refused: list[int]
) -> None:
    """It is about a column that the source does not have."""
    given = source(PRICES)
    plan = plan_of(given)
    make_by_hand(connection, plan)
    connection.execute("alter table price add mine int default 1")
    connection.execute(f"create unique index theirs on price (item) where {condition}")  # type: ignore[call-overload]
    migrate(given, plan, database)
    assert rows(connection, REJECTS) == [("price", row, "sqlstate_23505") for row in refused]
