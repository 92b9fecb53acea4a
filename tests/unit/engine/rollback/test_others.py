"""Rows, keys, views and locks of others are heeded: nothing of theirs goes along."""

from __future__ import annotations

import pytest
from psycopg.errors import LockNotAvailable

from pipeline.engine import taking_back
from pipeline.engine.rollback import Rollback
from pipeline.errors import TargetError
from pipeline.ledger.changes import Change
from pipeline.postgres.connect import Connection, Target, connect
from tests.unit.engine.rollback.cases import ITEM, dump, given, roll_back
from tests.unit.load.walk import mapping_of, migrate, plan_of, rows, source


def test_no_row_comes_to_a_table_that_is_watched(
    database: Target, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would go along, and neither of two looks would have seen it."""
    connection.execute("create table item (id int primary key, code text, note text)")
    connection.execute("create table theirs (item int references item on delete cascade)")
    given_rows = source({ITEM: [(1, "a", None)]})
    migrate(given_rows, plan_of(given_rows), database)
    take_back = taking_back.take_back_added
    refused = []

    def late(mine: Connection, change: Change) -> int:
        connection.execute("set lock_timeout = 200")
        with pytest.raises(LockNotAvailable):
            connection.execute("insert into theirs values (1)")
        refused.append(change.name)
        return take_back(mine, change)

    monkeypatch.setattr(taking_back, "take_back_added", late)
    roll_back(database)
    assert refused == ["public.item"] * 2


def test_rows_of_others_do_not_go_along_with_ours(database: Target, connection: Connection) -> None:
    connection.execute("create table item (id int primary key, code text, note text)")
    connection.execute("create table theirs (item int references item on delete cascade)")
    given_rows = source({ITEM: [(1, "a", None)]})
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("insert into theirs values (1)")
    for force in (False, True):
        with pytest.raises(TargetError, match=r"rows of public\.theirs, which the run did not write"):
            roll_back(database, force=force)
    assert rows(connection, "select * from theirs") == [(1,)]


@pytest.mark.parametrize("when", ["", "deferrable initially deferred"])
def test_rows_of_others_that_refer_to_ours_keep_them(database: Target, connection: Connection, when: str) -> None:
    connection.execute("create table item (id int primary key, code text, note text)")
    connection.execute(f"create table theirs (item int references item {when})")  # type: ignore[arg-type]
    given_rows = source({ITEM: [(1, "a", None)]})
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("insert into theirs values (1)")
    loaded = dump(connection)
    with (
        connect(database, application_name="r", autocommit=True) as looking,
        pytest.raises(TargetError, match=r"^run r1 cannot be taken back: .* on table \"theirs\"") as refused,
    ):
        Rollback(looking, "r1").look()  # and not only when it is done
    assert "rows that others have added since" in (refused.value.hint or "")
    assert dump(connection) == loaded


def test_a_key_of_others_that_can_wait_waits_for_the_rows_of_before(database: Target, connection: Connection) -> None:
    connection.execute(
        """create table item (id int primary key, code text, note text); insert into item values (1, 'old', NULL);
        create table theirs (item int references item deferrable); insert into theirs values (1)"""
    )
    before = dump(connection)
    given_rows = source({ITEM: [(1, "a", None), (2, "b", None)]})
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, {"item": {"load": "replace"}})), database)
    roll_back(database)
    assert dump(connection) == before


def test_a_table_that_another_session_holds_is_waited_for_and_told(
    database: Target, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.engine.rollback._LOCK_WAIT_S", 1)
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    with connection.transaction():
        connection.execute("select from item")
        with pytest.raises(TargetError, match="lock timeout") as refused:
            roll_back(database)
    assert "another session holds a lock" in (refused.value.hint or "")


def test_a_key_of_others_goes_only_by_force(database: Target, connection: Connection) -> None:
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("create table theirs (item int constraint hangs references item); insert into theirs values (1)")
    with pytest.raises(TargetError, match=r"foreign key hangs of table public\.theirs"):
        roll_back(database)
    assert "drop foreign key hangs of public.theirs" in [*map(str, roll_back(database, force=True))]
    assert rows(connection, "select * from theirs") == [(1,)]


def test_a_view_of_others_is_never_dropped(database: Target, connection: Connection) -> None:
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("create view theirs as select * from item")
    for force in (False, True):
        with pytest.raises(TargetError, match=r"view public\.theirs"):
            roll_back(database, force=force)
