"""What others have written since keeps a run from being taken back, and nothing happens."""

from __future__ import annotations

import pytest

from pipeline.catalog import Table
from pipeline.engine.rollback import Rollback
from pipeline.errors import TargetError
from pipeline.ledger.changes import writers_of_batches
from pipeline.postgres.connect import Connection, Target
from pipeline.postgres.content import imprint
from pipeline.record import Run
from tests.unit.engine.rollback.cases import ITEM, STANDING, dump, given, roll_back
from tests.unit.load.walk import mapping_of, migrate, plan_of, retyped, rows, source

MADE = Table("item", (), "public")

WRITES = {
    "added": "insert into item (id, code) values (99, 'theirs')",
    "changed": "update item set note = 'theirs' where id = 3",
    "deleted": "delete from item where id = 2 and not exists (select from part where item = 2)",
    "swapped": "update item set code = case id when 1 then 'b' else 'a' end where id in (1, 2)",
    "one column more": "alter table item add theirs int",
}


@pytest.mark.parametrize("statement", WRITES.values(), ids=WRITES)
@pytest.mark.parametrize("mode", [None, "append", "upsert"])
def test_what_others_have_written_since_stops_it(
    database: Target, connection: Connection, mode: str | None, statement: str
) -> None:
    given_rows = given()
    if mode:
        connection.execute(STANDING)
    modes = {"item": {"load": mode}, "part": {"load": mode}} if mode else {}
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, modes)), database)
    connection.execute(statement)  # type: ignore[arg-type]
    written = dump(connection)
    with pytest.raises(TargetError, match=r"public\.item has been written to since run r1"):
        roll_back(database)
    assert dump(connection) == written


@pytest.mark.parametrize(
    "refused", [[], [(11, "no address", None)], [(0, None, "the key again")]], ids=["none", "a value", "a key"]
)
def test_what_came_in_several_batches_needs_no_force(
    database: Target, connection: Connection, refused: list[tuple[object, ...]]
) -> None:
    given_rows = source({ITEM: [*((n, f"10.0.0.{n}", None) for n in range(10)), *refused]})
    migrate(given_rows, plan_of(given_rows, retyped(mapping_of(given_rows), "item", "code", type="inet")), database)
    told = writers_of_batches(connection, MADE)
    assert (told is None) == bool(refused)
    assert imprint(connection, MADE, told) == imprint(connection, MADE)
    assert [step.rows_removed for step in roll_back(database)] == [10]


def test_what_others_have_written_meanwhile_stops_it(database: Target, connection: Connection) -> None:
    given_rows = given()

    def write(table: str, _row: int) -> None:
        if table == "part":
            connection.execute("insert into item (id, code) values (99, 'theirs')")

    given_rows.before_batch = write
    migrate(given_rows, plan_of(given_rows), database)
    with pytest.raises(TargetError, match=r"public\.item has been written to since run r1"):
        roll_back(database)
    assert rows(connection, "select id from item where code = 'theirs'") == [(99,)]


def test_what_has_changed_since_it_was_shown(database: Target, connection: Connection) -> None:
    given_rows = given()
    migrate(given_rows, plan_of(given_rows), database)
    taking = Rollback(connection, "r1", force=True)
    steps = taking.look()
    connection.execute("insert into item (id) values (50)")
    with pytest.raises(TargetError, match="has changed since it was shown"):
        taking.execute(steps, Run("b", "rollback", "frames", "f", "m", "0"))
    assert rows(connection, "select count(*) from item") == [(4,)]


def test_a_trigger_that_keeps_it_from_coming_back_stops_it(database: Target, connection: Connection) -> None:
    connection.execute(STANDING)
    given_rows = given()
    modes = {"item": {"load": "upsert"}, "part": {"load": "upsert"}}
    migrate(given_rows, plan_of(given_rows, mapping_of(given_rows, modes)), database)
    connection.execute(
        """create function stamp() returns trigger language plpgsql as $$begin new.note = 'stamped'; return new; end$$;
        create trigger stamp before update on item for each row execute function stamp()"""
    )
    loaded = dump(connection)
    with pytest.raises(TargetError, match=r"public\.item would not be what it was before run r1; nothing was done"):
        roll_back(database)
    assert dump(connection) == loaded
