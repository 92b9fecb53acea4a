"""Which backups stay: a matter of their order and their days, and never of what the clock says now.

A day, week or month counts if it has a backup, so that a machine that was off for a month, or whose clock once ran
ahead, loses nothing by it. Where the clock went back, a backup counts for the day of the one before it, and keeps
that day when the one before is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import accumulate

from pipeline.backup.files import refusals, remove
from pipeline.backup.folder import Backup
from pipeline.errors import BackupError
from pipeline.log import get_logger

_log = get_logger()


@dataclass(frozen=True, slots=True)
class Keep:
    days: int
    """All of the last so many days that have backups; 1 or more, so that the newest always stays."""
    weekly: int
    """The last one of each of so many weeks."""
    monthly: int


def surplus(backups: Sequence[Backup], keep: Keep) -> list[Backup]:
    """Those that may go, oldest first, of backups in the order in which they were written.

    Each database by itself. One that is known to be bad takes no good one's place, and is left to the user.
    """
    good = [it for it in backups if it.good]
    databases = {it.database for it in good}
    gone = [it for one in databases for it in _surplus([it for it in good if it.database == one], keep)]
    return sorted(gone, key=lambda it: it.manifest.sequence)


def delete(backup: Backup) -> None:
    """What its manifest names, and the manifest last: what remains of one that was interrupted is told as broken.

    Raises BackupError, and removes nothing, where others have put something into its directory.
    """
    own = {backup.folder / file.path for file in backup.manifest.files}
    with refusals(f"{backup.archive} cannot be removed"):
        for path in backup.archive.rglob("*"):
            if path not in own:
                text = f"{path} is no part of backup {backup.manifest.name}, which therefore stays"
                raise BackupError(text, hint="move it elsewhere, then: python -m pipeline backup prune")
        _log.info("removing a backup", name=backup.manifest.name)
        for path in own:
            remove(path)
        if backup.archive.is_dir():
            backup.archive.rmdir()
        for name in (backup.names.verified, backup.names.manifest):
            remove(backup.folder / name)


def _surplus(good: list[Backup], keep: Keep) -> Iterator[Backup]:
    days = [*accumulate((it.manifest.day for it in good), max)]
    kept_days = set(sorted({*days})[-keep.days :])
    kept = {index for index, day in enumerate(days) if day in kept_days}
    kept |= _last_of_each(days, lambda day: day.isocalendar()[:2], keep.weekly)
    kept |= _last_of_each(days, lambda day: (day.year, day.month), keep.monthly)
    return (it for index, it in enumerate(good) if index not in kept)


def _last_of_each(days: list[date], period: Callable[[date], tuple[int, int]], count: int) -> set[int]:
    last = {period(day): index for index, day in enumerate(days)}
    return set(sorted(last.values())[len(last) - count :] if count < len(last) else last.values())
