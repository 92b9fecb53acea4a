"""kill -9 at random moments, resumed with another batch size each time: the content is that of one quiet run."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest

from pipeline.postgres.connect import Connection, Target, connect
from tests.scenario.conftest import Naru

KILLS = 10


def committed(connection: Connection) -> int:
    if connection.execute("select to_regclass('_naru.batch') is null").fetchone() == (True,):
        return 0
    row = connection.execute("select count(*) from _naru.batch").fetchone()
    assert row is not None
    return int(row[0])


def kill_after(naru: Naru, connection: Connection, batches: int, *arguments: str | Path) -> bool:
    """Kill the run when it has committed so many more batches; False if it ended before."""
    start = committed(connection)
    process = naru.start(*arguments)
    deadline = time.monotonic() + 120
    while process.poll() is None and committed(connection) < start + batches:
        assert time.monotonic() < deadline, "the run commits nothing"
        time.sleep(0.002)
    ended = process.poll() is not None
    process.kill()
    process.communicate()
    return not ended


def differing_rows(connection: Connection, table: str) -> int:
    row = connection.execute(
        f"""select count(*) from (
            (select * from whole.{table} except all select * from killed.{table}) union all
            (select * from killed.{table} except all select * from whole.{table})) as different"""  # type: ignore[arg-type]
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize("seed", [20261121])
def test_ten_kills_leave_the_content_of_one_quiet_run(naru: Naru, large: Path, database: Target, seed: int) -> None:
    moments = random.Random(seed)
    for schema in ("whole", "killed"):
        naru("map", large, "-o", f"{schema}.yaml", "--schema", schema)
    with connect(database, application_name="t", autocommit=True) as connection:
        kills = 0
        while kills < KILLS:
            size = moments.choice((500, 1000, 1500, 2500, 4000))
            command = ("migrate", large, "--mapping", "killed.yaml", "--batch-size", str(size), "--yes")
            kills += kill_after(naru, connection, moments.randint(1, 12), *command)
        naru("migrate", large, "--mapping", "killed.yaml", "--yes")
        naru("migrate", large, "--mapping", "whole.yaml", "--yes")
        tables = [
            name for (name,) in connection.execute("select relname from pg_stat_user_tables where schemaname = 'whole'")
        ]
        assert len(tables) == 7
        assert {table: differing_rows(connection, table) for table in tables} == dict.fromkeys(tables, 0)
