"""Rows are read ahead of those that are sent: while the target is made ready, and of the next table."""

from __future__ import annotations

import threading

import pytest

from pipeline.errors import DamagedSource, TargetError
from pipeline.postgres.connect import Connection, Target, connect
from tests.frames import FrameSource
from tests.unit.engine.rollback.cases import ITEM, PART
from tests.unit.load.walk import Silent, migrate, plan_of, rows, source

WAIT_S = 30


def given_rows() -> FrameSource:
    """Two batches a table."""
    return source({ITEM: [(n, f"i{n}", None) for n in range(1, 5)], PART: [(n, n) for n in range(1, 5)]})


def test_the_first_rows_come_while_the_target_is_made_ready(database: Target, connection: Connection) -> None:
    given, asked = given_rows(), threading.Event()
    given.before_batch = lambda *_: asked.set()
    with connect(database, application_name="holds", autocommit=True) as holder:
        with holder.transaction():
            holder.execute("create schema _naru")  # the run waits for the end of this transaction
            run = threading.Thread(target=migrate, args=(given, plan_of(given), database))
            run.start()
            assert asked.wait(WAIT_S)
            holder.execute("drop schema _naru")
        run.join(WAIT_S)
    assert rows(connection, "select count(*) from item") == [(4,)]


def test_a_table_is_read_while_the_one_before_it_is_written(database: Target, connection: Connection) -> None:
    given, asked, waited = given_rows(), threading.Event(), []
    given.before_batch = lambda table, _row: asked.set() if table == "part" else None

    class Waits(Silent):
        def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None:
            if table == "item" and read < 3:
                waited.append(asked.wait(WAIT_S))

    migrate(given, plan_of(given), database, observer=Waits())
    assert waited == [True]
    assert rows(connection, "select (select count(*) from item), (select count(*) from part)") == [(4, 4)]


def test_what_is_wrong_with_a_table_is_told_when_its_turn_comes(database: Target, connection: Connection) -> None:
    given = given_rows()

    def damaged(table: str, _row: int) -> None:
        if table == "part":
            raise DamagedSource("part: page 7: is torn")

    given.before_batch = damaged
    with pytest.raises(DamagedSource, match="page 7"):
        migrate(given, plan_of(given), database)
    states = "select target_table, state, rows_read from _naru.load order by 1"
    assert rows(connection, states) == [("item", "loaded", 4), ("part", "loading", 0)]
    given.before_batch = lambda *_: None
    migrate(given, plan_of(given), database, run_id="r2")
    assert rows(connection, states) == [("item", "done", 4), ("part", "done", 4)]


def test_a_target_that_is_refused_ends_the_reading(database: Target, connection: Connection) -> None:
    given = given_rows()
    connection.execute("create table item (id text)")
    with pytest.raises(TargetError, match="the mapping says"):
        migrate(given, plan_of(given), database)
    assert not [thread for thread in threading.enumerate() if thread.name == "naru-prefetch"]
