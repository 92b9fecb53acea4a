"""Check of the directory of backups: is there one to go back to, where a run does what nobody wanted?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.backup.folder import Backup, all_backups
from pipeline.backup.names import is_named_for
from pipeline.engine.preflight.check import Said
from pipeline.postgres.connect import Connection
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, query

FRESH_HOURS = 26
"""One that is made every night is a day old when the next begins, and 25 hours where summer time ends; and one may
begin later than the one before."""
_WAIT_MS = 1000
_MEND = "python -m pipeline backup run --verify restore"


def latest(connection: Connection, folder: Path) -> Said:
    """Never fails: whether to go on without a backup is the user's to say."""
    told, doubts = _looked_at(connection, folder, datetime.now(UTC))
    if not doubts:
        return Said(told)
    held = _held(connection)
    if held is None:
        return Said("the database holds no data that a backup would bring back")
    return Said("; ".join([*doubts, f"the database holds data, as {held}"]), _MEND)


def _looked_at(connection: Connection, folder: Path, now: datetime) -> tuple[str, list[str]]:
    """What is known of the newest backup that is good, and what speaks against relying on it."""
    (cluster,) = one(connection, SQL("select system_identifier::text from pg_control_system()"))
    name = connection.info.dbname
    backups, unreadable = all_backups(folder)
    own = [it for it in backups if it.database == (cluster, name)]
    good = next((it for it in reversed(own) if it.good), None)
    doubts = [it.problem for it in unreadable if is_named_for(it.path.name, name)]
    if own and own[-1] is not good:
        doubts.append(f"the newest one, {own[-1].archive}, is broken: {own[-1].problems[0]}")
    if good is None:
        return "", [*doubts, f"there is no good backup of database {name} in {folder}"]
    return f"{good.archive} is {_age(good, now)} old, restored and found equal", [*doubts, *_doubts(good, now)]


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
