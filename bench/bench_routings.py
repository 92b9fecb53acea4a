"""How far from the ceiling the walk of one table is.

Ceiling: `psql \\copy` of the same rows, ready-made in COPY's binary form, into the same bare table. Floor, for
scale: Debian's `mdb-export` piped into `psql \\copy`. All in one run, in turns; what counts are the ratios.

    python bench/bench_routings.py [--rounds 5]

Carries the routings of ../shared/bench/r200k.accdb.xz, or the largest table of the sample, enlarged, where that file
is missing. The floor needs mdbtools, and is left out without.
"""

from __future__ import annotations

import argparse
import lzma
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import write_access

from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.dialects.rules import Dialect
from pipeline.engine.plan import TableTask, make_plan
from pipeline.engine.table import carry
from pipeline.ledger.ledger import Ledger
from pipeline.load.loader import Loader
from pipeline.load.place import prepare
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.sql import SQL, columns, relation, text
from pipeline.record import Load, Run
from pipeline.sources.access import AccessSource
from pipeline.sources.base import Source

ROOT = Path(__file__).resolve().parent.parent
PACKED = ROOT.parent / "shared" / "bench" / "r200k.accdb.xz"
FILE = ROOT / "bench" / "data" / "r200k.accdb"
TABLES = ("routings", "items", "audit_logs")


def large_file() -> tuple[Path, tuple[str, ...]]:
    """The file to measure on, and its large tables: r200k.accdb, or the enlarged sample where that is missing."""
    if PACKED.exists() or FILE.exists():
        return unpacked(), TABLES
    return write_access.enlarged(200), (write_access.TABLE,)


def unpacked() -> Path:
    if not FILE.exists():
        FILE.parent.mkdir(parents=True, exist_ok=True)
        with lzma.open(PACKED) as packed, FILE.with_suffix(".partial").open("wb") as plain:
            shutil.copyfileobj(packed, plain, 1 << 20)
        FILE.with_suffix(".partial").replace(FILE)
    return FILE


def timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


class Bench:
    def __init__(
        self,
        source: Source,
        target: Target,
        psql: Path,
        scratch: Path,
        batch_rows: int,
        table: str,
        dialect: Dialect = ACCESS,
    ) -> None:
        self.source = source
        self.target = target
        self.psql = psql
        self.ready_made = scratch / f"{table}.copy"
        self.batch_rows = batch_rows
        catalog = source.catalog()
        plan = make_plan(catalog, draft(catalog, dialect=dialect).mapping, dialect)
        self.task: TableTask = next(task for task in plan.tasks if task.target.name == table)
        # The rows as a user has them, without the column that keeps the source's order while we load.
        self.rows = text(relation(self.task.target) + SQL(" ({})").format(columns(self.task.target.column_names)))

    def fresh(self, connection: Connection) -> None:
        """An empty bare table, made the way a migration makes it, and a new load in the ledger."""
        ledger = Ledger(connection)
        ledger.install()
        connection.execute(SQL("drop table if exists {}").format(relation(self.task.target)))
        ledger.begin(Run("bench", "bench", "", "", "", ""))
        load = Load("public", self.task.target.name, self.task.source.name, "bench", "", "", None)
        ledger.open_load(load)
        prepare(connection, load, self.task.target)
        connection.execute("checkpoint")

    def migrate(self, connection: Connection) -> None:
        loader = Loader(connection, "bench", self.task.target, relation(self.task.target), lambda *_: None)
        carry(self.source, self.task, loader, after=None, batch_rows=self.batch_rows, observe=lambda _: None)

    def ceiling(self) -> None:
        self.run_psql(f"\\copy {self.rows} from '{self.ready_made}' (format binary)")

    def floor(self, file: Path) -> None:
        exporter = subprocess.Popen(
            ["mdb-export", "-H", "-T", "%Y-%m-%d %H:%M:%S", str(file), self.task.source.name], stdout=subprocess.PIPE
        )
        self.run_psql(f"\\copy {self.rows} from pstdin (format csv)", stdin=exporter.stdout)
        if exporter.wait():
            raise SystemExit("mdb-export failed")

    def run_psql(self, command: str, stdin: object = subprocess.DEVNULL) -> None:
        arguments = [str(self.psql), "-qX", "-v", "ON_ERROR_STOP=1", "-c", command]
        subprocess.run(arguments, env=os.environ | self.target.environment(), stdin=stdin, check=True)  # type: ignore[call-overload]


def report(name: str, seconds: list[float], ceiling: list[float], rows: int) -> None:
    ratios = sorted(a / b for a, b in zip(seconds, ceiling, strict=True))
    rate = rows / statistics.median(seconds)
    print(
        f"{name:<34} {statistics.median(seconds):7.2f} s  {rate:9,.0f} rows/s  "
        f"ratio {statistics.median(ratios):5.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})"
    )


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--batch-rows", type=int, default=20_000)
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory(prefix="naru-bench-") as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedServer(Path(directory, "home"))
        target = server.ensure_running()
        try:
            run(server, target, Path(directory), options.rounds, options.batch_rows)
        finally:
            server.stop()


def run(server: EmbeddedServer, target: Target, scratch: Path, rounds: int, batch_rows: int) -> None:
    file, (table, *_) = large_file()
    with (
        AccessSource(file) as source,
        closing(connect(target, application_name="bench", autocommit=True)) as connection,
    ):
        bench = Bench(source, target, server.psql, scratch, batch_rows, table)
        bench.fresh(connection)
        bench.migrate(connection)
        bench.run_psql(f"\\copy {bench.rows} to '{bench.ready_made}' (format binary)")
        rows = source.count(bench.task.source.name)
        ours, ceiling, floor = [], [], []
        for _ in range(rounds):
            bench.fresh(connection)
            ceiling.append(timed(bench.ceiling))
            bench.fresh(connection)
            ours.append(timed(lambda: bench.migrate(connection)))
            if shutil.which("mdb-export"):
                bench.fresh(connection)
                floor.append(timed(lambda: bench.floor(file)))
    print(f"{table}: {rows:,} rows x {len(bench.task.target.columns)} columns, {rounds} rounds in turns")
    report("psql \\copy, ready-made binary", ceiling, ceiling, rows)
    report("migration of the table", ours, ceiling, rows)
    if floor:
        report("mdb-export | psql \\copy", floor, ceiling, rows)
    else:
        print("mdb-export | psql \\copy: not measured, mdbtools is not installed")


if __name__ == "__main__":
    main()
