"""How long the migration of a live SQL Server takes, against fetching the same rows and doing nothing with them.

Both read a table of 16 columns from the TDS server of the tests, which runs in a process of its own and sends rows
that it has encoded before; what counts is the ratio. Text is fetched as bytes and decoded by us, into an embedded
PostgreSQL on the same machine: with fewer than four cores server, fetch and COPY take them from each other, and the
seconds of the processor say how much is ours.

    python bench/bench_sql_server.py [--rounds 3] [--rows 500000]
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

from psycopg.sql import SQL, Identifier

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.sources.mssql import MssqlSource
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.connect import connect as connect_source
from tests.tds.drivers import address_of
from tests.tds.live import migration
from tests.tds.orders import COLUMNS, orders
from tests.tds.server import serve
from tests.unit.engine.test_run import Silent

TARGET = 1.3
BATCH_ROWS = 50_000
_numbers = count(1)


def bare(address: Address) -> None:
    """The driver alone, with the columns as they are."""
    client = connect_source(address)
    names = ", ".join(f"[{name}]" for name in COLUMNS)
    for _ in client.stream(f"SELECT {names} FROM [dbo].[orders]", batch_rows=BATCH_ROWS):
        pass
    client.close()


def read(address: Address) -> None:
    """Our frames, without a target."""
    with MssqlSource(address) as source:
        for _ in source.batches("orders", batch_rows=BATCH_ROWS):
            pass


class Stopwatch(Silent):
    """Seconds in which rows came and were committed: without the start, the key and the statistics."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        self.seconds -= time.perf_counter()

    def table_ends(self, table: str) -> None:
        self.seconds += time.perf_counter()


def migrate(address: Address, target: Target, watch: Stopwatch) -> None:
    """Plan, rows with ledger, key and statistics."""
    with MssqlSource(address) as source:
        run = migration(source, target, batch_rows=BATCH_ROWS)
        run.observer = watch
        run.execute()


def database(server: EmbeddedServer) -> Target:
    name = f"bench_{next(_numbers)}"
    with connect(server.target(), application_name="bench", autocommit=True) as admin:
        admin.execute(SQL("create database {}").format(Identifier(name)))
    return server.target().with_database(name)


def timed(work: Callable[[], None]) -> tuple[float, float]:
    """Seconds on the wall, and of this process on processors."""
    started, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - started, time.process_time() - used


def one_round(there: Address, target: Target) -> dict[str, tuple[float, float]]:
    watch = Stopwatch()
    figures = {"bare fetch": timed(lambda: bare(there)), "our frames": timed(lambda: read(there))}
    whole = timed(lambda: migrate(there, target, watch))
    return figures | {"migrate, its rows": (watch.seconds, float("nan")), "migrate, as a whole": whole}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=500_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="naru-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)  # where root becomes another user, that one has to get in
        server = EmbeddedServer(Path(directory, "home"))
        server.ensure_running()
        with serve(orders(given.rows)) as source:
            there = address_of(source)
            one_round(there, database(server))  # the source encodes its rows
            rounds = [one_round(there, database(server)) for _ in range(given.rounds)]
        server.stop()
    print(f"{given.rows:,} rows of {len(COLUMNS)} columns, {os.cpu_count()} cores, median of {given.rounds} rounds\n")
    print("| | rows/s | seconds | of this process on a processor | ratio to the bare fetch | smallest |")
    print("|---|---|---|---|---|---|")
    for name in rounds[0]:
        wall, used = (statistics.median(one[name][n] for one in rounds) for n in (0, 1))
        ratios = sorted(one[name][0] / one["bare fetch"][0] for one in rounds)
        print(
            f"| {name} | {given.rows / wall:,.0f} | {wall:.2f} | {'' if math.isnan(used) else f'{used:.2f}'} "
            f"| {statistics.median(ratios):.2f} | {ratios[0]:.2f} |"
        )
    print(f"\nthe goal of a migration is a ratio of {TARGET}")


if __name__ == "__main__":
    main()
