"""Private memory (USS) of the walk over a million rows, at the default batch size.

The routings, items and audit logs of ../shared/bench/r200k.accdb.xz are carried into an embedded server
twice each (1.2 million rows). The mapped source file is not counted: its pages belong to the system's cache.

    python bench/bench_memory.py
"""

from __future__ import annotations

import tempfile
import threading
from contextlib import closing
from pathlib import Path

import psutil
from bench_routings import PACKED, Bench, unpacked

from pipeline.postgres.connect import connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.settings import load_settings
from pipeline.sources.access import AccessSource

LIMIT_MB = 400
TABLES = ("audit_logs", "items", "routings")


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


def main() -> None:
    if not PACKED.exists():
        raise SystemExit(f"skipped: {PACKED.name} is not beside the repository")
    file = unpacked()
    rows = load_settings().migration_batch_size
    with tempfile.TemporaryDirectory(prefix="naru-bench-") as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedServer(Path(directory, "home"))
        target = server.ensure_running()
        try:
            with (
                AccessSource(file) as source,
                closing(connect(target, application_name="bench", autocommit=True)) as connection,
            ):
                before = private_bytes(file)
                carried = 0
                with Watch(file) as watch:
                    for _ in range(2):
                        for table in TABLES:
                            bench = Bench(source, target, server.psql, Path(directory), rows, table)
                            bench.fresh(connection)
                            bench.migrate(connection)
                            carried += source.count(bench.task.source.name)
        finally:
            server.stop()
    mb = 1 << 20
    print(f"{carried:,} rows in batches of {rows:,}: {before // mb} MB before, {watch.peak // mb} MB at the peak")
    print(f"limit {LIMIT_MB} MB: {'kept' if watch.peak < LIMIT_MB * mb else 'broken'}")


if __name__ == "__main__":
    main()
