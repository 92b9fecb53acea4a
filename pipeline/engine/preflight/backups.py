"""Check of the directory of backups: is there one to go back to, where a run does what nobody wanted?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.backup.folder import Backup, all_backups
from pipeline.backup.names import is_named_for
from pipeline.engine.preflight.check import Said
from pipeline.errors import TargetError, TargetUnavailable
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, query

FRESH_HOURS = 26
"""One that is made every night is a day old when the next begins, and 25 hours where summer time ends; and one may
begin later than the one before."""
_WAIT_MS = 1000
_MEND = "python -m pipeline backup run --verify restore"


def latest(connection: Connection, folder: Path) -> Said:
    """Never fails: whether to go on without a backup is the user's to say."""
    now = datetime.now(UTC)
    good, doubts = _looked_at(connection, folder, now)
    if good and not doubts:
        return Said(_praise(good, now))
    held = _held(connection)
    if held is None:
        return Said("the database holds no data that a backup would bring back")
    return Said("; ".join([*doubts, f"the database holds data, as {held}"]), _MEND)


def without_backup(connection: Connection, folder: Path, tables: Sequence[str]) -> tuple[list[str], str]:
    """Tables that have rows where a backup that `latest` lets pass has none, and what is said of that backup.

    All of them where there is none, or that cannot be found out: `latest` has told why.
    """
    now = datetime.now(UTC)
    try:
        with translated("looking for the rows that are in a backup"):
            good, doubts = _looked_at(connection, folder, now)
            if good is None or doubts:
                return [*tables], ""
            return _beyond(connection, good, tables), _praise(good, now)
    except TargetUnavailable:
        raise
    except TargetError:
        return [*tables], ""


def _beyond(connection: Connection, backup: Backup, tables: Sequence[str]) -> list[str]:
    """A table of which the backup has not one row may have been filled since."""
    held = [it.key for it in backup.manifest.tables if it.rows]
    place = {"tables": [*tables], "schemas": [schema for schema, _ in held], "names": [name for _, name in held]}
    beyond = {name for (name,) in connection.execute(query("rows_beyond"), place)}
    return [table for table in tables if table in beyond]


def _looked_at(connection: Connection, folder: Path, now: datetime) -> tuple[Backup | None, list[str]]:
    """The newest backup that is good, and what speaks against relying on it."""
    (cluster,) = one(connection, SQL("select system_identifier::text from pg_control_system()"))
    name = connection.info.dbname
    backups, unreadable = all_backups(folder)
    own = [it for it in backups if it.database == (cluster, name)]
    good = next((it for it in reversed(own) if it.good), None)
    doubts = [it.problem for it in unreadable if is_named_for(it.path.name, name)]
    if own and own[-1] is not good:
        doubts.append(f"the newest one, {own[-1].archive}, is broken: {own[-1].problems[0]}")
    doubts += _doubts(good, now) if good else [f"there is no good backup of database {name} in {folder}"]
    return good, doubts


def _praise(backup: Backup, now: datetime) -> str:
    return f"{backup.archive} is {_age(backup, now)} old, restored and found equal"


def _doubts(backup: Backup, now: datetime) -> Iterator[str]:
    at = backup.manifest.created_at
    if at > now:
        yield (
            f"{backup.archive} was written at {at.astimezone():%Y-%m-%d %H:%M}, which is still to come: the clock has "
            "gone back, and nobody knows how old it is"
        )
    elif now - at > timedelta(hours=FRESH_HOURS):
        yield f"{backup.archive} is {_age(backup, now)} old"
    if backup.restored_at is None:
        yield f"{backup.archive} has never been restored to see whether it can be"


def _age(backup: Backup, now: datetime) -> str:
    hours = (now - backup.manifest.created_at) // timedelta(hours=1)
    return f"{hours} hours" if hours < 3 * 24 else f"{hours // 24} days"


def _held(connection: Connection) -> str | None:
    with connection.transaction():
        connection.execute(SQL("set local lock_timeout = {}").format(_WAIT_MS))
        found = connection.execute(query("held_data")).fetchone()
    return found[0] if found else None
