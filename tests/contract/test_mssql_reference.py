"""Real databases served over TDS: every row that is in their .bacpac, by the real driver, and on into PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from pipeline.catalog import Table
from pipeline.engine.summary import verify_plan
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, columns, relation
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.base import Source
from pipeline.sources.mssql.source import MssqlSource
from tests.tds.drivers import address_of
from tests.tds.from_bacpac import served
from tests.tds.live import migration
from tests.tds.server import serve

FOLDER = Path(__file__).parents[2].parent / "shared" / "bacpac"
FILES = sorted(FOLDER.glob("*.bacpac")) if FOLDER.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="../shared/bacpac is missing")


def rows(source: Source, table: str, stored: tuple[str, ...]) -> pl.DataFrame | None:
    batches = list(source.batches(table, batch_rows=97))
    assert not [batch for batch in batches if batch.defects]
    return pl.concat(batch.frame.select(stored) for batch in batches) if batches else None


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_row_of_every_table(path: Path) -> None:
    read = 0
    with BacpacSource(path) as packed, serve(served(path)) as server, MssqlSource(address_of(server)) as live:
        for table in packed.catalog().tables:
            stored = tuple(column.name for column in table.columns if column.stored)
            sent, came = rows(packed, table.name, stored), rows(live, table.name, stored)
            assert (sent is None) == (came is None)
            if sent is not None and came is not None:
                assert_frame_equal(came, sent, check_row_order=False)
                read += came.height
        assert read == int(packed.catalog().facts["rows"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_migration_of_the_server_is_one_of_its_bacpac(path: Path, database: Target) -> None:
    """Of the columns that both carry: a .bacpac has no values of computed ones."""
    with serve(served(path)) as server, MssqlSource(address_of(server)) as live:
        here = migrate(live, database, "live")
    with BacpacSource(path) as packed:
        there = migrate(packed, database, "packed")
        assert sum(count for _, count in there.values()) == int(packed.catalog().facts["rows"])
    assert {name: count for name, (_, count) in here.items()} == {name: count for name, (_, count) in there.items()}
    with connect(database, application_name="t", autocommit=True) as connection:
        for name, (other, _) in there.items():
            ours, theirs = (
                SQL("select {} from {}").format(columns(other.column_names), relation(table))
                for table in (here[name][0], other)
            )
            one_side = "({} except all {}) union all ({} except all {})"
            assert connection.execute(SQL(one_side).format(ours, theirs, theirs, ours)).fetchall() == [], name


def migrate(source: Source, target: Target, schema: str) -> dict[str, tuple[Table, int]]:
    """Tables of the target with their rows, by the source's names; verification has found nothing."""
    run = migration(source, target, schema=schema)
    run.execute()
    with connect(target, application_name="t", autocommit=True) as connection:
        assert verify_plan(connection, run.plan, source) == ()
        counts = {
            task.source.name: one(connection, SQL("select count(*) from {}").format(relation(task.target)))[0]
            for task in run.plan.tasks
        }
    return {task.source.name: (task.target, counts[task.source.name]) for task in run.plan.tasks}
