"""The way out of the quarantine: what can come now comes, what cannot stays, and verify agrees."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pipeline.batch import Defect
from pipeline.engine.plan import Plan
from pipeline.engine.replay import lost_places, replay
from pipeline.errors import LockedError, TargetError
from pipeline.ledger import lock
from pipeline.mapping.models import Encoding
from pipeline.postgres.connect import Connection, Target, connect
from tests.frames import FrameSource
from tests.unit.load.walk import (
    REJECTS,
    column,
    findings,
    key,
    mapping_of,
    migrate,
    plan_of,
    reference,
    retyped,
    rows,
    source,
    table,
)

ITEM = table("item", (column("id"), column("note", "Memo"), column("price", "Currency")), key("id"))
PART = table(
    "part",
    (column("id"), column("item"), column("note", "Memo")),
    key("id"),
    references=(reference("item", "item"),),
)


@pytest.fixture
def connection(database: Target):  # type: ignore[no-untyped-def]
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def given() -> FrameSource:
    made = source(
        {
            PART: [(1, 9, "한글"), (2, 1, None), (3, 8, "stays")],
            ITEM: [(1, "a\0b", Decimal("1.5")), (2, "c", None), (3, "d", Decimal(10) ** 13), (2, "e", None)],
        }
    )
    made.defects = {"item": (Defect(1, "note", "lone surrogate", b"\x3d\xd8", "\ufffd"),)}
    return made


def mappings(made: FrameSource) -> tuple[Plan, Plan]:
    """One that refuses, and one that replaces what PostgreSQL cannot hold and rounds; type of price as first."""
    strict = retyped(mapping_of(made), "item", "price", type="numeric(18,4)")
    lenient = retyped(strict, "item", "note", encoding=Encoding(invalid="replace"))
    return plan_of(made, strict), plan_of(made, lenient)


def test_rows_come_back_when_the_mapping_or_the_target_allows_it(database: Target, connection: Connection) -> None:
    made = given()
    strict, lenient = mappings(made)
    migrate(made, strict, database)
    assert rows(connection, REJECTS) == [
        ("item", 0, "u0000"),
        ("item", 1, "undecodable"),
        ("part", 0, "orphan"),
        ("part", 1, "orphan"),
        ("part", 2, "orphan"),
    ]
    assert replay(connection, strict) == (0, 5), "nothing has changed"
    connection.execute("insert into item values (9, 'by hand', null)")
    # item 1 arrives as the mapping now allows; item 2 is there (the row that came second); part 3 names nothing still.
    assert replay(connection, lenient) == (3, 2)
    assert rows(connection, "select id, note, price::text from item order by id") == [
        (1, "a\ufffdb", "1.5000"), (2, "e", None), (3, "d", "10000000000000.0000"), (9, "by hand", None),
    ]  # fmt: skip
    assert rows(connection, "select * from part order by id") == [(1, 9, "한글"), (2, 1, None)]
    assert rows(connection, "select locator, rule, after from _naru.loss") == [(0, "u0000", "a\ufffdb")]
    assert replay(connection, lenient) == (0, 2), "what was replayed is not replayed twice"
    found = findings(made, lenient, database)
    assert sorted(found) == [
        ("content", "item", "extra rows", 1),  # the row that somebody inserted by hand
        ("counts", "item", "rows", 1),
        ("rejects", "item", "undecodable", 1),
        ("rejects", "part", "orphan", 1),
    ]


def test_every_type_is_replayed_as_it_arrived(database: Target, connection: Connection) -> None:
    """An orphan went to the quarantine from PostgreSQL, and comes back from its JSON."""
    columns = (column("id"), column("parent"), column("note", "Memo"), column("price", "Currency"))
    child = table("child", columns, key("id"), references=(reference("parent", "parent"),))
    parent = table("parent", (column("id"),), key("id"))
    notes = ["", "\\N", 'a"b\n\t', "한글 😀", "%s {x}", None]
    made = source({child: [(n, 5, note, Decimal("-0.0001")) for n, note in enumerate(notes)], parent: [(1,)]})
    plan = plan_of(made)
    migrate(made, plan, database)
    assert rows(connection, "select count(*) from child") == [(0,)]
    connection.execute("insert into parent values (5)")
    assert replay(connection, plan) == (len(notes), 0)
    assert rows(connection, "select note, price from child order by id") == [(n, Decimal("-0.0001")) for n in notes]


def test_a_row_refused_by_copy_goes_through_copy_again(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, "nowhere", None), (2, "10.0.0.1", None)]})
    as_inet, as_text = (plan_of(made, retyped(mapping_of(made), "item", "note", type=t)) for t in ("inet", "text"))
    migrate(made, as_inet, database)
    assert replay(connection, as_inet) == (0, 1)
    connection.execute("alter table item alter note type text")
    assert replay(connection, as_text) == (1, 0)
    assert rows(connection, "select id, note from item order by 1") == [(1, "nowhere"), (2, "10.0.0.1/32")]


def test_a_mapping_that_now_reads_another_column_leaves_the_row(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, "a\0", None)]})
    narrow = plan_of(made, retyped(mapping_of(made), "item", "price", skip=True))
    migrate(made, narrow, database)
    connection.execute("alter table item add price numeric(19,4)")
    wide = plan_of(made, retyped(mapping_of(made), "item", "note", encoding=Encoding(invalid="replace")))
    assert replay(connection, wide) == (0, 1)


def test_a_table_that_is_gone_is_an_error_and_no_row_is_marked(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, "a\0", None)]})
    plan = plan_of(made)
    migrate(made, plan, database)
    connection.execute("drop table item")
    lenient = plan_of(made, retyped(mapping_of(made), "item", "note", encoding=Encoding(invalid="replace")))
    with pytest.raises(TargetError, match="item"):
        replay(connection, lenient)
    assert rows(connection, "select count(*) from _naru.reject where replayed_at is null") == [(1,)]


def test_two_replays_at_once_do_not_bring_a_row_twice(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, "a\0", None)]})
    plan = plan_of(made)
    migrate(made, plan, database)
    with connect(database, application_name="naru replay", autocommit=True) as other:
        lock.acquire(other)
        with pytest.raises(LockedError, match="naru replay"):
            replay(connection, plan)


def test_a_load_that_has_not_finished_is_not_replayed(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, "a\0", None)]})
    plan = plan_of(made)
    migrate(made, plan, database)
    connection.execute("update _naru.load set state = 'loading'")
    with pytest.raises(TargetError, match="has not finished"):
        replay(connection, plan)


def test_the_next_number_follows_a_replayed_row(database: Target, connection: Connection) -> None:
    numbered = table("item", (column("id", identity=True), column("note", "Memo")), key("id"))
    made = source(
        {
            numbered: [
                (
                    1,
                    "a",
                ),
                (50, "b\0"),
            ]
        }
    )
    migrate(made, plan_of(made), database)
    lenient = plan_of(made, retyped(mapping_of(made), "item", "note", encoding=Encoding(invalid="replace")))
    assert replay(connection, lenient) == (1, 0)
    assert rows(connection, "insert into item (note) values ('c') returning id") == [(51,)]


def test_lost_places_of_other_loads_are_not_of_this_plan(database: Target) -> None:
    given = source({ITEM: [(1, "a", Decimal(1)), (1, "b", Decimal(2))], PART: []})
    plan = plan_of(given)
    migrate(given, plan, database)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("update _naru.reject set reason = 'unreadable_row'")
        assert lost_places(connection, plan) == 1
        connection.execute("update _naru.reject set target_schema = 'another'")
        assert lost_places(connection, plan) == 0
