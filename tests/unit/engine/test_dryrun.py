"""A dry run reads and transforms everything, times a sample, and leaves nothing in the target."""

from __future__ import annotations

import pytest

from pipeline.engine.dryrun import forecast
from pipeline.mapping.models import Condition
from pipeline.postgres.connect import Connection, Target, connect
from tests.unit.load.walk import column, key, mapping_of, plan_of, retyped, rows, source, table

ITEM = table("품목" * 10, (column("id"), column("note", "Memo")), key("id"))


@pytest.fixture
def connection(database: Target):  # type: ignore[no-untyped-def]
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def test_it_tells_what_a_run_would_come_to_and_writes_nothing(connection: Connection) -> None:
    made = source({ITEM: [(1, " a"), (2, "b\0"), (3, "c"), (4, "d\0"), (None, "e")]})
    filtered = mapping_of(made, {ITEM.name: {"filter": (Condition(column="note", op="<>", value="c"),)}})
    plan = plan_of(made, retyped(filtered, ITEM.name, "note", trim="both"))
    [told] = forecast(made, plan, connection, 2)
    assert (told.rows, told.filtered, told.rejected, told.losses) == (5, 1, 3, 1)
    assert [(reason, count, first.locator) for reason, count, first in told.rejects] == [
        ("u0000", 2, 1),
        ("null_in_required", 1, 4),
    ]
    assert told.seconds > 0
    left = "select count(*) from pg_class where relnamespace <> all (array['pg_catalog', 'information_schema', 'pg_toast']::regnamespace[])"  # noqa: E501
    assert rows(connection, left) == [(0,)]


def test_a_sample_that_postgresql_refuses_is_left_to_the_real_run(connection: Connection) -> None:
    made = source({ITEM: [(1, "no address")]})
    plan = plan_of(made, retyped(mapping_of(made), ITEM.name, "note", type="inet"))
    [told] = forecast(made, plan, connection, 2)
    assert (told.rows, told.rejected) == (1, 0)
    assert rows(connection, "select 1") == [(1,)]


def test_the_sample_is_the_first_batch_that_has_rows_to_write(connection: Connection) -> None:
    """Without one, the seconds of an empty batch would be taken for those of a row."""
    made = source({ITEM: [(n, "x" if n >= 4000 else "") for n in range(4100)]})
    mapping = mapping_of(made, {ITEM.name: {"filter": (Condition(column="note", op="=", value="x"),)}})
    [told] = forecast(made, plan_of(made, mapping), connection, 1000)
    assert (told.rows, told.filtered) == (4100, 4000)
    nothing = mapping_of(made, {ITEM.name: {"filter": (Condition(column="note", op="=", value="y"),)}})
    [told_nothing] = forecast(made, plan_of(made, nothing), connection, 1000)
    assert told_nothing.filtered == 4100
    assert told_nothing.seconds < told.seconds * 50
