"""A dry run reads and transforms everything, times a sample, and leaves nothing in the target."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.engine.dryrun import forecast
from pipeline.mapping.models import Condition
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.report.text import print_forecast
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
    assert told.sample_rows == 1  # of the first batch, what is neither refused nor filtered
    left = "select count(*) from pg_class where relnamespace <> all (array['pg_catalog', 'information_schema', 'pg_toast']::regnamespace[])"  # noqa: E501
    assert rows(connection, left) == [(0,)]


def test_a_sample_that_postgresql_refuses_is_left_to_the_real_run(connection: Connection) -> None:
    made = source({ITEM: [(1, "no address")]})
    plan = plan_of(made, retyped(mapping_of(made), ITEM.name, "note", type="inet"))
    [told] = forecast(made, plan, connection, 2)
    assert (told.rows, told.rejected, told.sample_rows) == (1, 0, 0)
    out = Console(file=io.StringIO(), width=200)
    print_forecast(out, [told])
    assert isinstance(out.file, io.StringIO)
    assert f"not timed, since PostgreSQL refused the try: writing {told.target}" in out.file.getvalue()
    assert rows(connection, "select 1") == [(1,)]


def test_where_no_row_would_be_written_no_writing_is_timed(connection: Connection) -> None:
    """The seconds of an empty batch would be taken for those of one row, times all rows."""
    made = source({ITEM: [(n, "") for n in range(9)]})
    mapping = mapping_of(made, {ITEM.name: {"filter": (Condition(column="note", op="=", value="y"),)}})
    connection.close()
    [told] = forecast(made, plan_of(made, mapping), connection, 4)
    assert (told.rows, told.filtered, told.sample_rows) == (9, 9, 0)
    assert told.seconds > 0  # the reading
