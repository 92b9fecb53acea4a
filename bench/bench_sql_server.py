"""How long the migration of a live SQL Server takes, against fetching the same rows and doing nothing with them.

Both read a table of 16 columns from the TDS server of the tests, which runs in a process of its own and sends rows
that it has encoded before; what counts is the ratio. Text is fetched as bytes and decoded by us, into an embedded
PostgreSQL on the same machine: with fewer than four cores server, fetch and COPY take them from each other. So the
seconds that each process spent on a processor are told as well: their sum by the number of cores is the least that
any order of the same work could take.

A migration is over where every row, its ledger and the key are committed. Statistics, which the command gathers beside
the verification, are told on a line of their own.

The offset of the table's `datetimeoffset` is kept, so that its rows arrive without a loss; the last line is of the
mapping as it is drafted, which drops the offset and records that of every row.

    python bench/bench_sql_server.py [--rounds 3] [--rows 500000] [--batch-size 20000] [--without-key]
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psutil
from psycopg.sql import SQL, Identifier

from pipeline.catalog import Table
from pipeline.load.statistics import gather_statistics
from pipeline.mapping.models import Mapping
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.settings import load_settings
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.connect import connect as connect_source
from pipeline.sources.mssql.source import MssqlSource
from tests.tds.drivers import address_of
from tests.tds.live import migration
from tests.tds.orders import COLUMNS, orders
from tests.tds.server import serve
from tests.unit.engine.test_run import Silent
from tests.unit.load.walk import retyped

TARGET = 1.3
CLIENT_ROWS = 8192
"""What mssql-python fetches at once unless told otherwise; 50,000 take as long."""
_numbers = count(1)


def bare(address: Address) -> None:
    """The driver alone, with the columns as they are."""
    client = connect_source(address)
    names = ", ".join(f"[{name}]" for name in COLUMNS)
    for _ in client.stream(f"SELECT {names} FROM [dbo].[orders]", batch_rows=CLIENT_ROWS):
        pass
    client.close()


def read(address: Address, batch_rows: int) -> None:
    """Our frames, without a target."""
    with MssqlSource(address) as source:
        for _ in source.batches("orders", batch_rows=batch_rows):
            pass


class Stopwatch(Silent):
    """Seconds in which rows came and were committed: without the start and the key."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        self.seconds -= time.perf_counter()

    def table_ends(self, table: str) -> None:
        self.seconds += time.perf_counter()


def drafted(mapping: Mapping) -> Mapping:
    return mapping


def offset_kept(mapping: Mapping) -> Mapping:
    return retyped(mapping, "orders", "zoned_at", offset="keep")


def migrate(
    address: Address, target: Target, batch_rows: int, amended: Callable[[Mapping], Mapping], watch: Stopwatch
) -> None:
    """Plan, rows with ledger, and key."""
    with MssqlSource(address) as source:
        run = migration(source, target, batch_rows=batch_rows, amended=amended)
        run.observer = watch
        run.execute()


def analyze(target: Target) -> None:
    """What the command does beside its verification."""
    for notice in gather_statistics(target, [Table("orders", (), "public")], application_name="bench"):
        raise RuntimeError(notice.text)


def database(server: EmbeddedServer) -> Target:
    name = f"bench_{next(_numbers)}"
    with connect(server.target(), application_name="bench", autocommit=True) as admin:
        admin.execute(SQL("create database {}").format(Identifier(name)))
    return server.target().with_database(name)


def discard(server: EmbeddedServer, *targets: Target) -> None:
    """So that no autovacuum works on them while the next round is timed."""
    with connect(server.target(), application_name="bench", autocommit=True) as admin:
        for target in targets:
            admin.execute(SQL("drop database {} with (force)").format(Identifier(target.database)))


@dataclass(frozen=True, slots=True)
class Figures:
    """Seconds on the wall, and on processors by process; None where they were not told apart."""

    wall: float
    processors: tuple[float, float, float] | None = None
    """Of this process, PostgreSQL and the server that is read."""

    def mean(self, other: Figures) -> Figures:
        """Of the bare fetches before and after what is held against them: the machine's speed changes meanwhile."""
        assert self.processors
        assert other.processors
        ours, target, source = ((a + b) / 2 for a, b in zip(self.processors, other.processors, strict=True))
        return Figures((self.wall + other.wall) / 2, (ours, target, source))


class Clock:
    def __init__(self, server: EmbeddedServer) -> None:
        self._postmaster = psutil.Process(server.status().pid)

    def timed(self, work: Callable[[], None]) -> Figures:
        started, used = time.perf_counter(), self._used()
        work()
        wall = time.perf_counter() - started
        time.sleep(0.5)  # a backend that ends is in nobody's figures until the postmaster has taken leave of it
        ours, target, source = (after - before for after, before in zip(self._used(), used, strict=True))
        return Figures(wall, (ours, target, source))

    def _used(self) -> tuple[float, float, float]:
        # The process of the driver is ours, and has ended when it is asked for; the server's goes on.
        return (
            _ended_too(psutil.Process()),
            _with_children(self._postmaster),
            sum(map(_own, psutil.Process().children())),
        )


def _own(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:  # ended since it was listed; its parent has its seconds
        return 0.0
    return float(times.user + times.system)


def _ended_too(process: psutil.Process) -> float:
    """With those children that have ended, which are in the parent's own figures (on Linux)."""
    times = process.cpu_times()
    return _own(process) + float(getattr(times, "children_user", 0.0) + getattr(times, "children_system", 0.0))


def _with_children(process: psutil.Process) -> float:
    return _ended_too(process) + sum(map(_own, process.children()))


def one_round(there: Address, server: EmbeddedServer, batch_rows: int) -> dict[str, Figures]:
    clock, watch = Clock(server), Stopwatch()
    kept, dropped = database(server), database(server)
    before = clock.timed(lambda: bare(there))
    whole = clock.timed(lambda: migrate(there, kept, batch_rows, offset_kept, watch))
    figures = {"bare fetch": before.mean(clock.timed(lambda: bare(there)))}
    figures |= {"migrate, its rows": Figures(watch.seconds), "migrate, as a whole": whole}
    figures["our frames"] = clock.timed(lambda: read(there, batch_rows))
    figures["statistics of its table"] = clock.timed(lambda: analyze(kept))
    figures["migrate, with a loss in every row"] = clock.timed(
        lambda: migrate(there, dropped, batch_rows, drafted, Stopwatch())
    )
    discard(server, kept, dropped)
    return figures


def line(name: str, rounds: list[dict[str, Figures]]) -> str:
    walls = [one[name].wall for one in rounds]
    ratios = sorted(one[name].wall / one["bare fetch"].wall for one in rounds)
    spent = [one[name].processors for one in rounds]
    known = [each for each in spent if each is not None]
    seconds = [statistics.median(each[n] for each in known) for n in range(3)] if known else []
    cells = [f"{one:.2f}" for one in (*seconds, sum(seconds) / (os.cpu_count() or 1))] if known else [""] * 4
    found = [f"{statistics.median(walls):.2f}", *cells, f"{statistics.median(ratios):.2f}", f"{ratios[0]:.2f}"]
    return f"| {name} | {' | '.join(found)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=500_000)
    parser.add_argument("--batch-size", type=int, default=load_settings().migration_batch_size)
    parser.add_argument("--without-key", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="naru-bench-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)  # where root becomes another user, that one has to get in
        server = EmbeddedServer(Path(directory, "home"))
        server.ensure_running()
        try:
            with serve(orders(given.rows, keyed=not given.without_key)) as source:
                there = address_of(source)
                one_round(there, server, given.batch_size)  # the source encodes its rows
                rounds = [one_round(there, server, given.batch_size) for _ in range(given.rounds)]
        finally:
            server.stop()
    key = "without a key, " if given.without_key else ""
    print(f"{given.rows:,} rows of {len(COLUMNS)} columns, {key}batches of {given.batch_size:,}, ", end="")
    print(f"{os.cpu_count()} cores, median of {given.rounds} rounds, load average {os.getloadavg()[0]:.1f}\n")
    print("| | seconds | ours on a processor | PostgreSQL's | the source's | sum by cores | ratio | smallest |")
    print("|---|---|---|---|---|---|---|---|")
    for name in rounds[0]:
        print(line(name, rounds))
    print(f"\nthe goal of a migration is a ratio of {TARGET} to the bare fetch")


if __name__ == "__main__":
    main()
