"""One process at a time: a lock on a file, which the operating system frees however its holder ends."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from pipeline.errors import NaruError


@contextmanager
def alone(
    path: Path, *, held: NaruError, otherwise: type[NaruError], hint: str, timeout_s: float = 0
) -> Iterator[None]:
    """Hold the lock at `path`, in a directory that exists.

    Raises `held` where another keeps it longer than `timeout_s`, and `otherwise` with `hint` where it cannot be locked.
    SQLite's exclusive transaction is the only lock with a timeout that the standard library has on Linux, macOS and
    Windows alike.
    """
    with ExitStack() as stack:
        try:
            guard = stack.enter_context(closing(sqlite3.connect(path, timeout=timeout_s, isolation_level=None)))
            guard.execute("begin exclusive")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise held from error
            raise otherwise(f"{path} cannot be locked: {error}", hint=hint) from error
        yield
