"""By force a run is taken back although others have written since: what is theirs stays."""

from __future__ import annotations

from collections import Counter

import pytest

from pipeline.engine.replay import replay
from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, Target, connect
from tests.unit.engine.rollback.cases import ITEM, MODES, PART, STANDING, dump, given, load_beside, roll_back
from tests.unit.load.walk import migrate, plan_of, rows, source


def test_by_force_what_others_have_added_stays(database: Target, connection: Connection) -> None:
    before = load_beside(connection, database, "upsert")
    connection.execute("insert into item values (99, 'theirs', NULL)")
    roll_back(database, force=True)
    theirs = rows(connection, "delete from item where id = 99 returning code")
    assert theirs == [("theirs",)]
    assert dump(connection) == before


def test_by_force_what_a_replay_brought_is_told(database: Target, connection: Connection) -> None:
    connection.execute(
        "create table item (id int primary key, code text, note text constraint good check (note <> 'x'))"
    )
    given_rows = source({ITEM: [(1, "a", None), (2, "b", "x")]})
    plan = plan_of(given_rows)
    migrate(given_rows, plan, database)
    connection.execute("alter table item drop constraint good")
    with connect(database, application_name="r", autocommit=True) as replaying:
        assert replay(replaying, plan) == (1, 0)
    with pytest.raises(TargetError, match="has been written to since"):
        roll_back(database)
    assert [*map(str, roll_back(database, force=True))] == [
        "take back the rows of public.item: 1 rows removed",
        "leave the rows that rejects replay brought, 1 in all, in public.item",
    ]
    assert rows(connection, "select id from item") == [(2,)]


@pytest.mark.parametrize("mode", MODES)
def test_by_force_a_column_of_others_stays(database: Target, connection: Connection, mode: str) -> None:
    before = load_beside(connection, database, mode)["public.item"]
    connection.execute("alter table item add theirs int default 5")
    roll_back(database, force=True)
    assert Counter(rows(connection, "select row(id, code, note)::text from item where theirs = 5")) == before


def test_by_force_a_column_that_tells_the_rows_is_missed(database: Target, connection: Connection) -> None:
    connection.execute(STANDING)
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("alter table item rename id to number")
    with pytest.raises(TargetError, match=r"public\.item has no column id any more"):
        roll_back(database, force=True)


@pytest.mark.parametrize("mode", MODES)
def test_by_force_the_other_tables_of_one_that_is_gone(database: Target, connection: Connection, mode: str) -> None:
    before = load_beside(connection, database, mode)["public.item"]
    connection.execute("drop table part")
    steps = roll_back(database, force=True)
    assert dump(connection)["public.item"] == before
    kept = {"append": 0, "upsert": 1, "replace": 3}[mode]
    assert str(steps[0]) == f"keep {kept} rows of public.part, which is gone, in _naru.before_2"
    assert rows(connection, "select count(*) from _naru.before_2") == [(kept,)]


REACTING = {
    "cascade": "references item on delete cascade",
    "set null": "references item on delete set null",
    "to itself": "references part on delete cascade",
}


@pytest.mark.parametrize("action", REACTING.values(), ids=REACTING)
def test_by_force_rows_of_others_in_a_table_of_the_run_do_not_go_along(
    database: Target, connection: Connection, action: str
) -> None:
    connection.execute("create table item (id int primary key, code text, note text)")
    connection.execute(f"create table part (id int primary key, item int {action})")  # type: ignore[arg-type]
    given_rows = source({ITEM: [(1, "a", None)], PART: [(1, 1)]})
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("insert into part values (99, 1)")
    with pytest.raises(TargetError, match=r"^1 rows of public\.part, which the run did not write"):
        roll_back(database, force=True)
    assert rows(connection, "select * from part order by id") == [(1, 1), (99, 1)]
    connection.execute("update part set item = null where id = 99")
    roll_back(database, force=True)
    assert rows(connection, "select * from part") == [(99, None)]
