"""What cannot be taken back is said, and nothing happens."""

from __future__ import annotations

import pytest

from pipeline.errors import NaruError, TargetError, UsageError
from pipeline.postgres.connect import Connection, Target
from tests.unit.engine.rollback.cases import ITEM, STANDING, dump, given, roll_back
from tests.unit.load.walk import mapping_of, migrate, plan_of, rows, source


def test_what_is_no_run_that_can_be_taken_back(database: Target, connection: Connection) -> None:
    with pytest.raises(UsageError, match="no run has written"):
        roll_back(database)
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    with pytest.raises(UsageError, match="knows no run r7"):
        roll_back(database, "r7")
    roll_back(database)
    with pytest.raises(UsageError, match="has been taken back already"):
        roll_back(database)
    with pytest.raises(UsageError, match="is a rollback"):
        roll_back(database, "back-r1")


@pytest.mark.parametrize("image", ["added_1", "before_1"])
def test_images_that_somebody_has_dropped_are_missed(database: Target, connection: Connection, image: str) -> None:
    connection.execute(STANDING)
    given_rows = given()
    modes = {"item": {"load": "upsert"}, "part": {"load": "upsert"}}
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, modes)), database)
    connection.execute(f"drop table _naru.{image}")  # type: ignore[arg-type]
    loaded = dump(connection)
    with pytest.raises(TargetError, match=rf"_naru\.{image}, which a rollback needs, is gone"):
        roll_back(database)
    assert dump(connection) == loaded


def test_a_load_of_before_there_were_images(database: Target, connection: Connection) -> None:
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    connection.execute("delete from _naru.change")
    with pytest.raises(NaruError, match="earlier version, which kept nothing of what it changed: item, part"):
        roll_back(database)


@pytest.mark.parametrize("mode", ["append", "replace"])
def test_a_table_with_rules_is_loaded_and_not_taken_back(database: Target, connection: Connection, mode: str) -> None:
    connection.execute(
        """create table item (id int primary key, code text, note text); create table seen (id int);
        create rule see as on insert to item do also insert into seen values (new.id)"""
    )
    given_rows = source({ITEM: [(1, "a", None)]})
    notes = migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, {"item": {"load": mode}})), database)
    assert ["rollback cannot take them back" in note.text for note in notes] == [True]
    assert rows(connection, "select * from seen") == [(1,)]
    for force in (False, True):
        with pytest.raises(TargetError, match=r"how public\.item was before run r1 is not kept: the table has rules"):
            roll_back(database, force=force)
    assert rows(connection, "select id from item") == [(1,)]


def test_rows_of_a_table_that_inherits_would_come_back_elsewhere(database: Target, connection: Connection) -> None:
    connection.execute("create table item (id int primary key, code text, note text)")
    connection.execute("create table heir () inherits (item); insert into heir values (5, 'theirs')")
    given_rows = source({ITEM: [(1, "a", None)]})
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, {"item": {"load": "replace"}})), database)
    with pytest.raises(TargetError, match=r"other tables inherit from public\.item"):
        roll_back(database)
