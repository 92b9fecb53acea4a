"""kill -9 at random moments, resumed with another batch size each time: the content is that of one quiet run."""

from __future__ import annotations

import random
import time
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import pytest

from pipeline.postgres.connect import Connection, Target, connect
from tests.scenario.conftest import Naru
from tests.scenario.test_bacpac import key
from tests.unit.sources.bacpac.export import (
    Made,
    element,
    export,
    model,
    name,
    references,
    rows,
    table_element,
)

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
        time.sleep(0.01)
    ended = process.poll() is not None
    process.kill()
    process.communicate()
    return not ended


def differing_rows(connection: Connection, table: str) -> int:
    """Rows that one schema has and the other has not; of two that hold as many, one direction says all."""
    row = connection.execute(
        f"""select abs((select count(*) from whole.{table}) - (select count(*) from killed.{table})) + count(*)
            from (select * from whole.{table} except all select * from killed.{table}) as missing"""  # type: ignore[arg-type]
    ).fetchone()
    assert row is not None
    return int(row[0])


def rejects(connection: Connection, schema: str) -> list[tuple[object, ...]]:
    statement = """select target_table, locator, reason, detail, row_values::text from _naru.reject
                   where target_schema = %s order by 1, 2, 3"""
    return connection.execute(statement, [schema]).fetchall()


def hold_to_a_quiet_run(
    naru: Naru,
    source: Path | str,
    database: Target,
    moments: random.Random,
    batches: int,
    *,
    kills: int = KILLS,
    code: int = 0,
) -> int:
    """Kill a run again and again, each time after up to so many batches, and compare; returns how many tables.

    `code` is the exit code of the runs that end.
    """
    for schema in ("whole", "killed"):
        naru("map", source, "-o", f"{schema}.yaml", "--schema", schema)
    with connect(database, application_name="t", autocommit=True) as connection:
        for number in range(kills):
            size = moments.choice((500, 1000, 1500, 2500, 4000))
            command = ("migrate", source, "--mapping", "killed.yaml", "--batch-size", str(size), "--yes")
            killed = kill_after(naru, connection, moments.randint(1, batches), *command)
            assert killed, f"the rows were all there after {number} kills"
        for schema in ("killed", "whole"):
            naru("migrate", source, "--mapping", f"{schema}.yaml", "--yes", code=code)
        tables = [
            name for (name,) in connection.execute("select relname from pg_stat_user_tables where schemaname = 'whole'")
        ]
        assert {table: differing_rows(connection, table) for table in tables} == dict.fromkeys(tables, 0)
        assert rejects(connection, "killed") == rejects(connection, "whole")
        return len(tables)


@pytest.mark.parametrize("seed", [20261121])
def test_ten_kills_leave_the_content_of_one_quiet_run(naru: Naru, large: Path, database: Target, seed: int) -> None:
    assert hold_to_a_quiet_run(naru, large, database, random.Random(seed), 12) == 7


ORDERS, LINES = ("dbo", "Orders"), ("sales", "Lines")
ORDER = [Made("id", "int", nullable=False), Made("customer", "nvarchar(40)"), Made("seal", "uniqueidentifier")]
LINE = [
    Made("order", "int"),
    Made("line", "int", nullable=False),
    Made("price", "money"),
    Made("note", "nvarchar(max)"),
]
FILES, ROWS, ORPHANS = 4, 40_000, 14


@pytest.fixture
def large_bacpac(tmp_path: Path) -> Path:
    """160,000 orders and as many lines, in four data files each; some lines name no order, or none at all."""
    foreign = element(
        "SqlForeignKeyConstraint",
        name("sales", "FK"),
        references("Columns", name(*LINES, "order"))
        + references("DefiningTable", name(*LINES))
        + references("ForeignColumns", name(*ORDERS, "id"))
        + references("ForeignTable", name(*ORDERS)),
    )
    tables = (table_element(ORDERS, ORDER), key(ORDERS, "PK", "id"), table_element(LINES, LINE), foreign)
    data = {}
    for file in range(FILES):
        ids = range(file * ROWS, (file + 1) * ROWS)
        orders = ((id, f"나루 {id}" if id % 7 else None, UUID(int=id) if id % 5 else None) for id in ids)
        lines = (
            (None if id % 11 == 0 else id if id % 10_000 else -1, id, Decimal(id) / 100, "가" * (id % 40)) for id in ids
        )
        data[f"dbo.Orders/TableData-{file:03}-00000"] = rows(ORDER, orders)
        data[f"sales.Lines/TableData-{file:03}-00000"] = rows(LINE, lines)
    return export(tmp_path / "large.bacpac", model(*tables), data)


@pytest.mark.parametrize("seed", [20261121])
def test_five_kills_within_the_data_files_of_a_bacpac(
    naru: Naru, large_bacpac: Path, database: Target, seed: int
) -> None:
    assert hold_to_a_quiet_run(naru, large_bacpac, database, random.Random(seed), 6, kills=5, code=1) == 2
    with connect(database, application_name="t", autocommit=True) as connection:
        counted = connection.execute("select count(*), count(distinct line) from killed.sales_lines").fetchone()
        assert counted == (FILES * ROWS - ORPHANS, FILES * ROWS - ORPHANS)
        assert {reason for _, _, reason, *_ in rejects(connection, "killed")} == {"orphan"}
