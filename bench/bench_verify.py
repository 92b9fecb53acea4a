"""What it costs to compare every cell, against reading both sides once.

A table is migrated, and then, in turns: read from its source through the mapping, read from the target by COPY without
a look at what comes, and compared. What counts is the ratio of the comparison to the two readings together, of seconds
on the wall and of seconds of this process on processors; the server's are in neither of the latter.

    PYTHONPATH=. python bench/bench_verify.py [--rounds 5] [--rows 1000000]

Reads a .bacpac of a million rows and ten columns, which it makes, and the large tables of
../shared/bench/r200k.accdb.xz, or the sample enlarged where that file is missing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from bench_routings import Bench, large_file
from write_bacpac import TABLE, million

from pipeline.dialects.access import ACCESS
from pipeline.dialects.mssql import MSSQL
from pipeline.dialects.rules import Dialect
from pipeline.engine.summary import content_of
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.sql import SQL, columns, relation
from pipeline.settings import load_settings
from pipeline.sources.access import AccessSource
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.base import Source
from pipeline.verify.content import verify_content
from pipeline.verify.subject import Content, Subject
from pipeline.verify.sums import with_sums

AIM = 1.5


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds on the wall, and of this process on processors."""

    wall: float
    used: float

    @classmethod
    def of(cls, work: Callable[[], None]) -> Cost:
        started, used = time.perf_counter(), time.process_time()
        work()
        return cls(time.perf_counter() - started, time.process_time() - used)


def read_source(content: Content) -> None:
    for _ in content.read():
        pass


def read_target(connection: Connection, bench: Bench) -> None:
    target = bench.task.target
    rows = SQL("copy (select {} from {}) to stdout (format csv)").format(
        columns(target.written_names), relation(target)
    )
    with connection.cursor().copy(rows) as copy:
        for _ in copy:
            pass


def compare(connection: Connection, subject: Subject) -> None:
    for finding in verify_content(connection, with_sums(connection, subject)):
        raise SystemExit(f"the table is not what it should be: {finding}")


def measure(connection: Connection, bench: Bench, rounds: int) -> None:
    content = content_of(bench.source, bench.task)
    subject = Subject(bench.task.source.name, bench.task.target, None, None, content=content)
    found = []
    for _ in range(rounds):
        source = Cost.of(lambda: read_source(content))
        target = Cost.of(lambda: read_target(connection, bench))
        found.append((source, target, Cost.of(lambda: compare(connection, subject))))
    print(f"{bench.task.target.name}: {bench.source.count(bench.task.source.name):,} rows", end=" x ")
    print(f"{len(bench.task.target.written)} columns, medians of {rounds} rounds")
    for what in ("wall", "used"):
        seconds = [[float(getattr(cost, what)) for cost in costs] for costs in zip(*found, strict=True)]
        ratios = sorted(compared / (source + target) for source, target, compared in zip(*seconds, strict=True))
        source_s, target_s, ours_s = map(statistics.median, seconds)
        print(
            f"  {what}: source {source_s:.2f} s  target {target_s:.2f} s  compared {ours_s:.2f} s  "
            f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), aim {AIM}"
        )


@dataclass(frozen=True, slots=True)
class Runner:
    server: EmbeddedServer
    target: Target
    rounds: int

    def run(self, source: Source, tables: tuple[str, ...], dialect: Dialect) -> None:
        rows, psql = load_settings().migration_batch_size, self.server.psql
        with (
            tempfile.TemporaryDirectory() as scratch,
            closing(connect(self.target, application_name="bench", autocommit=True)) as connection,
        ):
            for table in tables:
                bench = Bench(source, self.target, psql, Path(scratch), rows, table, dialect)
                bench.fresh(connection)
                bench.migrate(connection)
                measure(connection, bench, self.rounds)


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--rows", type=int, default=1_000_000)
    options = arguments.parse_args()
    file, tables = large_file()
    with tempfile.TemporaryDirectory(prefix="naru-bench-") as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedServer(Path(directory, "home"))
        runner = Runner(server, server.ensure_running(), options.rounds)
        try:
            with BacpacSource(million(options.rows)) as orders:
                runner.run(orders, (TABLE,), MSSQL)
            with AccessSource(file) as access:
                runner.run(access, tables, ACCESS)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
