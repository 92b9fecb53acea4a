"""Private memory (USS) of reading large tables, and of the walk into PostgreSQL, at the default batch size.

    python bench/bench_memory.py              the large tables of ../shared/bench/r200k.accdb.xz, twice
    python bench/bench_memory.py --mb 2048    a file of 2 GB, made of the sample (see write_access.py)

The mapped source file is not counted: its pages belong to the system's cache.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
from contextlib import closing
from pathlib import Path

import psutil
from bench_routings import Bench, large_file
from write_access import TABLE, enlarged

from pipeline.postgres.connect import connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.settings import load_settings
from pipeline.sources.access import AccessSource

LIMIT_MB = 400


def private_bytes(mapped: Path) -> int:
    """Pages of this process alone, without those of the mapped file."""
    maps = psutil.Process().memory_maps(grouped=True)
    return sum(m.private_clean + m.private_dirty for m in maps if m.path != str(mapped))


class Watch:
    """Samples the private memory in a thread while the block runs."""

    def __init__(self, mapped: Path) -> None:
        self._mapped = mapped
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.peak = 0

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(0.02):
            self.peak = max(self.peak, private_bytes(self._mapped))


def read(source: AccessSource, tables: tuple[str, ...], batch_rows: int) -> int:
    return sum(batch.frame.height for table in tables for batch in source.batches(table, batch_rows=batch_rows))


def migrate(source: AccessSource, tables: tuple[str, ...], batch_rows: int) -> int:
    """Carry the tables into an embedded server."""
    with tempfile.TemporaryDirectory(prefix="naru-bench-") as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedServer(Path(directory, "home"))
        target = server.ensure_running()
        try:
            with closing(connect(target, application_name="bench", autocommit=True)) as connection:
                for table in tables:
                    bench = Bench(source, target, server.psql, Path(directory), batch_rows, table)
                    bench.fresh(connection)
                    bench.migrate(connection)
        finally:
            server.stop()
    return sum(source.count(table) for table in tables)


def measure(file: Path, tables: tuple[str, ...], batch_rows: int) -> None:
    print(f"{file.name}: {file.stat().st_size >> 20} MB, batches of {batch_rows:,} rows, limit {LIMIT_MB} MB")
    for name, work in (("reading", read), ("migration", migrate)):
        with AccessSource(file) as source:
            before = private_bytes(file)
            with Watch(file) as watch:
                rows = work(source, tables, batch_rows)
        peak = watch.peak >> 20
        verdict = "kept" if peak < LIMIT_MB else "broken"
        print(f"{name:<10} {rows:>10,} rows  {before >> 20:4} MB before  {peak:4} MB at the peak  {verdict}")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--mb", type=int, help="make and read a file of so many megabytes")
    options = arguments.parse_args()
    batch_rows = load_settings().migration_batch_size
    file, tables = (enlarged(options.mb), (TABLE,)) if options.mb else large_file()
    measure(file, tables if options.mb else tables * 2, batch_rows)


if __name__ == "__main__":
    main()
