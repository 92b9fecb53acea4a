"""Reads postmaster.pid: is the server of this data directory running, and on which port?

Format: PostgreSQL's src/include/utils/pidfile.h, one value per line: pid, data directory, start time,
port, socket directory, listen address, shared memory, status.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, slots=True)
class Postmaster:
    pid: int
    port: int


def running(data: Path) -> Postmaster | None:
    """The server that runs on `data`; None when there is none, or its file was left behind."""
    claimed = _claimed(data)
    return claimed if claimed is not None and _serves(claimed.pid, data) else None


def forget_stale(data: Path) -> None:
    """Remove a postmaster.pid whose number now belongs to another program.

    PostgreSQL itself replaces the file of a dead process, and refuses to start for a living one,
    whatever that is. It still finds a true rival by its shared memory.
    """
    claimed = _claimed(data)
    if claimed is not None and psutil.pid_exists(claimed.pid) and not _serves(claimed.pid, data):
        (data / "postmaster.pid").unlink(missing_ok=True)


def _claimed(data: Path) -> Postmaster | None:
    try:
        lines = (data / "postmaster.pid").read_text(errors="replace").splitlines()
        return Postmaster(int(lines[0]), int(lines[3]))
    except (FileNotFoundError, IndexError, ValueError):
        return None  # absent, or not written to its end


def _serves(pid: int, data: Path) -> bool:
    """Whether `pid` is a postmaster started on `data`, by its command line."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE or not process.name().startswith("postgres"):
            return False
        return any(_same(argument, data) for argument in process.cmdline())
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True  # a postgres that may not be looked at: better to fail in connecting than to start a second


def _same(argument: str, data: Path) -> bool:
    return argument == str(data) or (Path(argument).is_absolute() and Path(argument).resolve() == data)
