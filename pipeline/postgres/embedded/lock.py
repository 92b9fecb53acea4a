"""One process at a time starts or stops the embedded server."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.errors import TargetError


@contextmanager
def alone(path: Path, *, timeout_s: float = 360.0) -> Iterator[None]:
    """Hold the lock at `path`; the operating system frees it when the process ends, however it ends.

    SQLite's exclusive transaction is the only lock with a timeout that the standard library has
    on Linux, macOS and Windows alike. Raises TargetError when another process keeps it.
    """
    with closing(sqlite3.connect(path, timeout=timeout_s, isolation_level=None)) as guard:
        try:
            guard.execute("begin exclusive")
        except sqlite3.Error as error:
            raise TargetError(
                f"another process is starting or stopping the embedded server, or {path} cannot be locked: {error}",
                hint="wait for it to end, then try again",
            ) from error
        yield
