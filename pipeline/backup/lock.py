"""One process at a time writes to a directory of backups."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pipeline.errors import BackupError, LockedError


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Hold the directory's lock, which the operating system frees however the process ends.

    SQLite's, as for the embedded server. Raises LockedError where another has it, and BackupError.
    """
    with closing(sqlite3.connect(folder / ".lock", timeout=0, isolation_level=None)) as guard:
        try:
            guard.execute("begin exclusive")
        except sqlite3.Error as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise LockedError(f"another backup is under way in {folder}", hint="wait for it to end") from error
            raise BackupError(f"{folder / '.lock'} cannot be locked: {error}", hint="see BACKUP_DIR") from error
        yield
