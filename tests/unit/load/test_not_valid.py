"""A relationship that the source does not enforce: its orphans stay, and new rows are checked."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from pipeline.catalog import Catalog
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan
from pipeline.engine.summary import verify_plan
from pipeline.mapping.document import read_document
from pipeline.mapping.models import ForeignKeyMapping
from pipeline.outcome import Level, clean
from pipeline.postgres.connect import Connection, Target
from pipeline.postgres.sql import SQL
from tests.frames import FrameSource
from tests.unit.load.walk import (
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

PART = table("part", (column("id"),), key("id"))
USE = table("use", (column("id"), column("part")), key("id"), references=(reference("part", "part", enforced=False),))
LOOSE = ForeignKeyMapping(
    name="use_part_fkey", columns=("part",), references="part", referenced_columns=("id",), not_valid=True
)


def _given(load: str = "append") -> tuple[FrameSource, Plan]:
    given = source({PART: [(1,)], USE: [(1, 1), (2, 7), (3, None), (4, 8)]})
    return given, plan_of(given, mapping_of(given, {"use": {"foreign_keys": (LOOSE,), "load": load}}))


@pytest.mark.parametrize("made", [False, True], ids=["bare", "over the tables of ddl"])
def test_orphans_stay_and_new_ones_are_refused(database: Target, connection: Connection, made: bool) -> None:
    given, plan = _given()
    if made:
        make_by_hand(connection, plan)
    migrate(given, plan, database)
    assert rows(connection, "select id from use order by id") == [(1,), (2,), (3,), (4,)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute("insert into use values (5, 9)")
    assert findings(given, plan, database) == [("foreign_keys", "use", "use_part_fkey", 2)]


@pytest.mark.parametrize("load", ["replace", "upsert"])
def test_a_rerun_lets_them_stay_as_well(database: Target, connection: Connection, load: str) -> None:
    given, plan = _given(load)
    make_by_hand(connection, plan)
    for run in ("r1", "r2"):
        migrate(given, plan, database, run_id=run)
        assert rows(connection, "select count(*) from use") == [(4,)]
        assert rows(connection, "select convalidated from pg_constraint where conname = 'use_part_fkey'") == [(False,)]


def test_verify_tells_them_and_the_way_to_end_them(database: Target, connection: Connection) -> None:
    given, plan = _given()
    migrate(given, plan, database)
    (told,) = verify_plan(connection, plan, given)
    assert clean([told])
    assert told.detail.startswith("2 rows name no row of part, the first (7); not_valid lets them stay")
    statement = SQL(told.detail.partition("mended: ")[2])  # type: ignore[arg-type]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        connection.execute(statement)
    connection.execute("update use set part = null where part > 1")
    connection.execute(statement)
    assert verify_plan(connection, plan, given, level=Level.KEYS) == ()
    connection.execute("alter table use drop constraint use_part_fkey")
    assert not clean(verify_plan(connection, plan, given))


def test_a_key_that_somebody_has_validated_holds_for_a_rerun(database: Target, connection: Connection) -> None:
    given, plan = _given("replace")
    make_by_hand(connection, plan)
    connection.execute("alter table use validate constraint use_part_fkey")
    migrate(given, plan, database)
    assert findings(given, plan, database) == [("rejects", "use", "orphan", 2)]


def test_a_draft_leaves_it_out_and_tells_the_line_that_adds_it(tmp_path: Path) -> None:
    drafted = draft(Catalog((PART, USE)))
    assert drafted.mapping.tables["use"].foreign_keys == ()
    (told,) = [notice.text for notice in drafted.notices]
    path = tmp_path / "m.yaml"
    path.write_text(f"entries:\n  {told.partition('foreign_keys: ')[2]}\n", encoding="utf-8")
    value, _ = read_document(path)
    assert ForeignKeyMapping.model_validate(value["entries"][0]) == LOOSE
