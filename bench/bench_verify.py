"""What it costs to compare every cell, against reading both sides once.

A table is migrated, and then, in turns: read from its source through the mapping, read from the target by COPY without
a look at what comes, and compared. What counts is the ratio of the comparison to the two readings together.

    python bench/bench_verify.py [--rounds 5]

Reads the large tables of ../shared/bench/r200k.accdb.xz, or the sample enlarged where that file is missing.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from contextlib import closing
from pathlib import Path

from bench_routings import Bench, large_file, timed

from pipeline.engine.summary import content_of
from pipeline.postgres.connect import Connection, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.sql import SQL, columns, relation
from pipeline.settings import load_settings
from pipeline.sources.access import AccessSource
from pipeline.verify.content import verify_content
from pipeline.verify.subject import Content, Subject

AIM = 1.5


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
    for finding in verify_content(connection, subject):
        raise SystemExit(f"the table is not what it should be: {finding}")


def measure(connection: Connection, bench: Bench, rounds: int) -> None:
    content = content_of(bench.source, bench.task)
    subject = Subject(bench.task.source.name, bench.task.target, None, None, content=content)
    source, target, ours = [], [], []
    for _ in range(rounds):
        source.append(timed(lambda: read_source(content)))
        target.append(timed(lambda: read_target(connection, bench)))
        ours.append(timed(lambda: compare(connection, subject)))
    ratios = sorted(c / (a + b) for a, b, c in zip(source, target, ours, strict=True))
    ratio = statistics.median(ratios)
    seconds = [statistics.median(found) for found in (source, target, ours)]
    print(
        f"{bench.task.target.name:<12} {bench.source.count(bench.task.source.name):>9,} rows x "
        f"{len(bench.task.target.written)} columns  source {seconds[0]:.2f} s  target {seconds[1]:.2f} s  "
        f"compared {seconds[2]:.2f} s  ratio {ratio:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}), "
        f"aim {AIM}: {'reached' if ratio <= AIM else 'missed'}"
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    options = arguments.parse_args()
    file, tables = large_file()
    with tempfile.TemporaryDirectory(prefix="naru-bench-") as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedServer(Path(directory, "home"))
        target = server.ensure_running()
        try:
            with (
                AccessSource(file) as source,
                closing(connect(target, application_name="bench", autocommit=True)) as connection,
            ):
                for table in tables:
                    rows = load_settings().migration_batch_size
                    bench = Bench(source, target, server.psql, Path(directory), rows, table)
                    bench.fresh(connection)
                    bench.migrate(connection)
                    measure(connection, bench, options.rounds)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
