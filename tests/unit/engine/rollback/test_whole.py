"""What a run did is taken back: the target is what it was, to the last cell and constraint."""

from __future__ import annotations

import pytest

from pipeline.engine.plan import Plan
from pipeline.engine.rollback import Rollback
from pipeline.engine.run import Migration, Options
from pipeline.errors import Interrupted, UsageError
from pipeline.ledger.ledger import Ledger
from pipeline.mapping.models import Target as In
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run
from tests.frames import FrameSource
from tests.unit.engine.rollback.cases import ITEM, MODES, ODD, STANDING, dump, given, leftovers, roll_back
from tests.unit.load.walk import Silent, column, findings, key, mapping_of, migrate, plan_of, rows, source, table


def test_a_first_load_into_an_empty_database(database: Target, connection: Connection) -> None:
    before = dump(connection)
    given_rows = given()
    plan = plan_of(given_rows, mapping_of(given_rows).model_copy(update={"target": In(schema="new one")}))
    migrate(given_rows, plan, database)
    loaded = dump(connection)
    assert loaded != before
    with connect(database, application_name="r", autocommit=True) as looking:
        steps = Rollback(looking, "r1").look()
    assert dump(connection) == loaded  # a look changes nothing
    assert [*map(str, steps)] == [
        "drop table new one.item: 3 rows removed",
        "drop table new one.part: 2 rows removed",
        "drop schema new one",
    ]
    assert roll_back(database) == steps
    assert dump(connection) == before
    assert [(run.run_id, run.command, run.state) for run in Ledger(connection).runs()] == [
        ("back-r1", "rollback", "done"),
        ("r1", "migrate", "rolled back"),
    ]
    migrate(given_rows, plan, database, run_id="r2")
    assert dump(connection) == loaded
    assert findings(given_rows, plan, database) == []


@pytest.mark.parametrize("odd", ["", ODD], ids=["plain", "odd"])
@pytest.mark.parametrize("mode", MODES)
def test_rows_that_came_into_tables_that_stood(database: Target, connection: Connection, mode: str, odd: str) -> None:
    connection.execute(STANDING + odd)
    before = dump(connection)
    given_rows = given()
    plan = plan_of(given_rows, mapping_of(given_rows, {"item": {"load": mode}, "part": {"load": mode}}))
    migrate(given_rows, plan, database)
    loaded = dump(connection)
    assert loaded["public.item"] != before["public.item"]
    assert len(leftovers(connection)) == 4
    roll_back(database)
    assert dump(connection) == before
    assert leftovers(connection) == []
    assert Ledger(connection).reject_summary() == []
    migrate(given_rows, plan, database, run_id="r2")
    assert dump(connection) == loaded


def interrupted(given_rows: FrameSource, plan: Plan, target: Target, after: int) -> None:
    """Run r1, which ends behind that many batches of one row."""
    batches = iter(range(after))
    run = Run("r1", "migrate", "frames", given_rows.fingerprint().digest, "m", "0")
    with pytest.raises(Interrupted):
        Migration(
            given_rows, plan, target, run, Options(1), Silent(), stop=lambda: next(batches, None) is None
        ).execute()


@pytest.mark.parametrize("after", [1, 5], ids=["amid the rows", "before the last step"])
@pytest.mark.parametrize("mode", MODES)
def test_a_run_that_another_went_on_with_is_taken_back_as_one(
    database: Target, connection: Connection, mode: str, after: int
) -> None:
    connection.execute(STANDING)
    before = dump(connection)
    given_rows = given()
    plan = plan_of(given_rows, mapping_of(given_rows, {"item": {"load": mode}, "part": {"load": mode}}))
    interrupted(given_rows, plan, database, after)
    migrate(given_rows, plan, database, run_id="r2")
    assert dump(connection) != before
    if after == 1 or mode == "append":  # of the latter, r2 moved the rows whose keys stood to the quarantine
        with pytest.raises(UsageError, match="went on with what run r1 had begun"):
            roll_back(database, "r2")
    roll_back(database)
    assert dump(connection) == before
    assert leftovers(connection) == []
    assert Ledger(connection).loads() == []
    migrate(given_rows, plan, database, run_id="r3")
    assert findings(given_rows, plan, database) == [] or mode == "append"


def test_tables_that_were_made_beside_one_that_stood(database: Target, connection: Connection) -> None:
    connection.execute("create table item (id int primary key, code text, note text); insert into item values (7, 'x')")
    before = dump(connection)
    given_rows = given()
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, {"item": {"load": "upsert"}})), database)
    assert "public.part" in dump(connection)
    roll_back(database)
    assert dump(connection) == before


def test_rows_of_a_table_without_a_key_go_one_for_one(database: Target, connection: Connection) -> None:
    connection.execute("create table bare (n int, t text); insert into bare values (1, 'a'), (1, 'a'), (NULL, NULL)")
    before = dump(connection)
    bare = table("bare", (column("n"), column("t", "Text")))
    given_rows = source({bare: [(1, "a"), (None, None), (2, "b"), (2, "b")]})
    migrate(given_rows, plan_of(given_rows), database)
    assert rows(connection, "select count(*) from bare") == [(7,)]
    assert [(step.rows_removed, step.rows_restored) for step in roll_back(database)] == [(4, 0)]
    assert dump(connection) == before


BOSS = table("boss", (column("id", nullable=False), column("boss"), column("team")), key("id"))
TEAM = table("team", (column("id", nullable=False), column("head")), key("id"))
CIRCLE = """
create table team (id int primary key, head int);
create table boss (id int primary key, boss int references boss, team int references team);
alter table team add constraint head foreign key (head) references boss;
insert into team values (7, NULL);
insert into boss values (7, 7, 7), (8, 7, 7);
update team set head = 8;
"""


@pytest.mark.parametrize("mode", MODES)
def test_tables_that_refer_to_each_other_and_to_themselves(database: Target, connection: Connection, mode: str) -> None:
    connection.execute(CIRCLE)
    before = dump(connection)
    given_rows = source({BOSS: [(1, 2, 1), (2, 1, 1), (3, 1, 1)], TEAM: [(1, 3)]})
    modes = {"boss": {"load": mode}, "team": {"load": mode}}
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, modes)), database)
    assert ("team", 1) in rows(connection, "select 'team', id from team")
    assert rows(connection, "select count(*) from _naru.reject") == [(0,)]
    roll_back(database)
    assert dump(connection) == before


def test_a_partitioned_table(database: Target, connection: Connection) -> None:
    connection.execute(
        """create table item (id int primary key, code text, note text) partition by range (id);
        create table low partition of item for values from (0) to (2);
        create table high partition of item default; insert into item values (1, 'x', 'y'), (2, 'x', NULL)"""
    )
    before = dump(connection)
    given_rows = source({ITEM: [(1, "a", "new"), (3, "c", None)]})
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, {"item": {"load": "upsert"}})), database)
    assert dump(connection) != before
    roll_back(database)
    assert dump(connection) == before
