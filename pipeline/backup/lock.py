"""One process at a time writes to a directory of backups."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

from pipeline.errors import BackupError, LockedError
from pipeline.file_lock import alone


def alone_in(folder: Path) -> AbstractContextManager[None]:
    """Hold the directory's lock; raises LockedError where another has it, and BackupError."""
    held = LockedError(f"another backup is under way in {folder}", hint="wait for it to end")
    return alone(folder / ".lock", held=held, otherwise=BackupError, hint="see BACKUP_DIR")
