"""How fast one core reads an Access file into frames, against Debian's `mdb-export`.

Both read every value of every table of the file, in turns; what counts are the ratios. Ours ends in frames, and
mdb-export's, which has no other form, in CSV that nobody reads. Seconds are those of the processor, user and system, on
one core: on a machine that others use too, the clock on the wall tells mostly what they do.

    python bench/bench_decode.py [--rounds 5] [--file FILE]

Reads ../shared/bench/r200k.accdb.xz, or the sample enlarged (see write_access.py) where that is missing.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path

from bench_routings import large_file

from pipeline.settings import load_settings
from pipeline.sources.access import AccessSource

TARGET = 9
"""Times the rows per second of mdb-export, over the whole file."""
JACKCESS, MDB_EXPORT = 188_000, 63_000
"""Rows per second of r200k.accdb, both in one run on another machine. Jackcess is in none of Debian, PyPI and npm, so
it takes no part here: our ratio to it is that to mdb-export, divided by its own."""

Seconds = dict[str, list[float]]
"""Of each round, by table."""


def on_one_core() -> bool:
    """Keep this process and its children to one core, on systems that can."""
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return True


def decode(source: AccessSource, table: str, batch_rows: int) -> float:
    """Seconds of our reader."""
    started = time.process_time()
    for _ in source.batches(table, batch_rows=batch_rows):
        pass
    return time.process_time() - started


def export(file: Path, table: str) -> float:
    """Seconds of mdb-export."""
    process = subprocess.Popen(["mdb-export", str(file), table], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"mdb-export ended with {process.returncode}")
    return usage.ru_utime + usage.ru_stime


def line(name: str, rows: int, ours: list[float], theirs: list[float]) -> str:
    """Seconds per round on both sides, as rates of the medians and the median of the ratios."""
    rate = rows / statistics.median(ours)
    if not theirs:
        return f"{name:<18} {rows:>10,} rows  {rate:>9,.0f} rows/s"
    ratios = sorted(their / our for our, their in zip(ours, theirs, strict=True))
    return (
        f"{name:<18} {rows:>10,} rows  {rate:>9,.0f} rows/s  mdb-export {rows / statistics.median(theirs):>8,.0f}  "
        f"ratio {statistics.median(ratios):5.1f}  ({ratios[0]:.1f} to {ratios[-1]:.1f})"
    )


def measure(
    source: AccessSource, file: Path, tables: Iterable[str], rounds: int, batch_rows: int
) -> tuple[Seconds, Seconds]:
    """Ours and mdb-export's, table by table in turns; nothing of the latter where mdbtools is not installed.

    We open the file once, as a migration does; mdb-export is one process for each table.
    """
    compared = shutil.which("mdb-export") is not None
    ours: Seconds = {table: [] for table in tables}
    theirs: Seconds = {table: [] for table in ours}
    for _ in range(rounds):
        for table in ours:
            ours[table].append(decode(source, table, batch_rows))
            if compared:
                theirs[table].append(export(file, table))
    return ours, theirs


def report(rows: dict[str, int], ours: Seconds, theirs: Seconds) -> None:
    for table, count in rows.items():
        print(line(table, count, ours[table], theirs[table]))
    total, others = ([sum(seconds) for seconds in zip(*side.values(), strict=True)] for side in (ours, theirs))
    print(line("all", sum(rows.values()), total, others))
    if not others:
        print("mdb-export: not measured, mdbtools is not installed")
        return
    ratio = statistics.median(a / b for a, b in zip(others, total, strict=True))
    print(f"aim: {TARGET} times mdb-export, {'reached' if ratio >= TARGET else 'missed'}")
    print(f"against Jackcess, by its recorded ratio to mdb-export: {ratio * MDB_EXPORT / JACKCESS:.1f} times")


def main() -> None:
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--file", type=Path, help="another Access file")
    options = arguments.parse_args()
    file = options.file or large_file()[0]
    core = "one core" if on_one_core() else "not held to one core"
    with AccessSource(file) as source:
        rows = {table.name: source.count(table.name) for table in source.catalog().tables}
        print(f"{file.name}: {file.stat().st_size >> 20} MB, {options.rounds} rounds in turns, {core}")
        report(rows, *measure(source, file, rows, options.rounds, load_settings().migration_batch_size))


if __name__ == "__main__":
    main()
