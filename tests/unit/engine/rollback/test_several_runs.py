"""Of several runs the later goes first, and what an earlier one had loaded is what it was."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.errors import LockedError, TargetError
from pipeline.ledger import lock
from pipeline.postgres.connect import Connection, Target, connect
from tests.unit.engine.rollback.cases import STANDING, dump, given, leftovers, roll_back
from tests.unit.load.walk import mapping_of, migrate, plan_of


def test_a_later_run_goes_first_and_nothing_is_kept_of_what_it_changed(
    database: Target, connection: Connection
) -> None:
    connection.execute(STANDING)
    given_rows = given()
    modes = {"item": {"load": "upsert"}, "part": {"load": "upsert"}}
    plan = plan_of(given_rows, mapping_of(given_rows, modes))
    migrate(given_rows, plan, database)
    after_first = dump(connection)
    changed = given()
    changed.frames = {**changed.frames, "item": changed.frames["item"].with_columns(note=pl.lit("newer"))}
    migrate(changed, plan, database, run_id="r2", restart=True)
    assert len(leftovers(connection)) == 4  # of each table one pair, however many runs
    with pytest.raises(TargetError, match="run r2 has written to") as refused:
        roll_back(database)
    assert refused.value.hint == "take that one back first: python -m pipeline rollback r2"
    roll_back(database, "r2")
    assert dump(connection) == after_first
    with pytest.raises(TargetError, match="is no longer kept"):
        roll_back(database)


def test_a_table_that_was_made_anew_does_not_come_back(database: Target, connection: Connection) -> None:
    given_rows = given()
    plan = plan_of(given_rows)
    migrate(given_rows, plan, database)
    migrate(given_rows, plan, database, run_id="r2", restart=True)
    with pytest.raises(TargetError, match="what run r1 had loaded is gone"):
        roll_back(database, "r2")


def test_a_relationship_that_it_gave_to_a_table_of_an_earlier_run_goes(
    database: Target, connection: Connection
) -> None:
    given_rows = given()
    plan = plan_of(given_rows)
    migrate(given_rows, plan_of(given_rows, only=("part",)), database)
    before = dump(connection)
    migrate(given_rows, plan, database, run_id="r2")
    steps = roll_back(database, "r2")
    assert [*map(str, steps)] == [
        "drop foreign key part_item_fkey of public.part",
        "drop table public.item: 3 rows removed",
    ]
    assert dump(connection) == before


def test_rows_that_it_moved_out_of_an_earlier_runs_table_stop_it(database: Target, connection: Connection) -> None:
    given_rows = given()
    given_rows.frames = {
        **given_rows.frames,
        "part": pl.DataFrame({"id": [1, 2], "item": [1, 5]}, schema=given_rows.frames["part"].schema),
    }
    migrate(given_rows, plan_of(given_rows, only=("part",)), database)
    migrate(given_rows, plan_of(given_rows), database, run_id="r2")
    with pytest.raises(TargetError, match=r"moved rows of public\.part, which run r1 had loaded"):
        roll_back(database, "r2")


def test_while_a_run_is_under_way(database: Target, connection: Connection) -> None:
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    with connect(database, application_name="naru r9", autocommit=True) as other:
        lock.acquire(other)
        with pytest.raises(LockedError, match="naru r9"):
            roll_back(database)
