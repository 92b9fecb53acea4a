"""A backup becomes a database again: one that is empty is filled, and one that is not is replaced by a new one.

Whatever fails on the way, the target is as it was before.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from pipeline.backup.content import differences
from pipeline.backup.files import refusals
from pipeline.backup.folder import Backup
from pipeline.backup.phase import Observer, phase
from pipeline.backup.scratch import lack
from pipeline.backup.verify import WITHOUT_ROLES, changed, fill
from pipeline.errors import BackupError, TargetError
from pipeline.postgres.client.programs import Programs
from pipeline.postgres.client.run import run_client
from pipeline.postgres.connect import Connection, Target, connect, translated
from pipeline.postgres.databases import Database, create_database, drop_database, exchange, find_database
from pipeline.retry import BRIEFLY

_NAME = "naru restore"
_LONGEST = 40
"""Bytes of a name that leave room for a date in PostgreSQL's 63."""
_OF_DATABASE = {
    re.compile(r"\d+; \d+ \d+ DATABASE PROPERTIES - "): "settings",
    re.compile(r"\d+; \d+ \d+ ACL - DATABASE "): "grants",
    re.compile(r"\d+; \d+ \d+ COMMENT - DATABASE "): "a comment",
}


@dataclass(frozen=True, slots=True)
class Restore:
    """Which backup, where to, and how."""

    backup: Backup
    target: Target
    programs: Programs
    owners: bool
    """Whether everything belongs to whom it belonged to, with its grants; else to the target's user."""
    observer: Observer


def check_files(backup: Backup, observer: Observer) -> None:
    """Reads every file; raises BackupError where one is not what it was."""
    for problem in changed(backup, observer):
        raise BackupError(problem, hint="restore another: python -m pipeline backup list")


def check_server(backup: Backup, server: Target) -> None:
    """Raises BackupError where the server is older than the backup's, or lacks an extension."""
    why = lack(server, backup.manifest)
    if why is not None:
        raise BackupError(
            f"the backup does not fit {server.describe()}: {why}, which that has not",
            hint="name another server, or install what it lacks",
        )


def into_empty(job: Restore) -> list[str]:
    """Fill the target in one transaction, and return in what it differs from the manifest then."""
    return _filled(job, whole=True)


def into_new(job: Restore, admin: Connection, *, like: Database | None = None) -> list[str]:
    """Make the target's database and fill it; where it differs from the manifest it is dropped again."""
    name = job.target.database
    create_database(admin, name, like)
    try:
        problems = _filled(job, whole=False)
    except BaseException:
        drop_database(admin, name)
        raise
    if problems:
        drop_database(admin, name)
    return problems


def in_place(job: Restore, admin: Connection) -> tuple[str, list[str]]:
    """Fill a new database, and only then give it the target's name.

    The one that had the name is not dropped: it keeps all that it holds under another name, which is returned.
    """
    name = job.target.database
    there = _at_rest(admin, name)
    new = f"naru_restore_{uuid4().hex[:12]}"
    old = f"{name.encode()[:_LONGEST].decode(errors='ignore')}_before_{datetime.now().astimezone():%Y%m%d_%H%M%S}"
    problems = into_new(replace(job, target=job.target.with_database(new)), admin, like=there)
    if not problems:
        try:
            exchange(admin, name, new=new, old=old)
        except TargetError as error:
            raise BackupError(
                f"{error.message}; {name} is as it was, and {new} holds the backup, restored and compared",
                hint="disconnect everybody and rename the two databases, or drop the new one",
            ) from error
    return old, problems


def left_out(job: Restore) -> list[str]:
    """What the archive has of the database as a whole, which is not restored; by pg_restore's words."""
    with tempfile.TemporaryDirectory() as folder:
        listed = Path(folder, "list")
        run_client(job.programs, "pg_restore", "--list", "--create", f"--file={listed}", job.backup.archive)
        with refusals("what the archive holds cannot be read"):
            lines = listed.read_text(encoding="utf-8", errors="replace").splitlines()
    return [what for pattern, what in _OF_DATABASE.items() if any(pattern.match(line) for line in lines)]


def _filled(job: Restore, *, whole: bool) -> list[str]:
    manifest, without = job.backup.manifest, () if job.owners else WITHOUT_ROLES
    with phase(
        job.observer, f"restoring with pg_restore {job.programs.version}", "bytes", manifest.database_bytes
    ) as now:
        fill(job.backup, job.programs, job.target, now, *without, whole=whole)
    problems = differences(manifest, job.target, job.observer)
    with (
        phase(job.observer, "taking statistics"),
        connect(job.target, application_name=_NAME, autocommit=True) as session,
        translated("taking statistics"),
    ):
        session.execute("analyze")
    return problems


def _at_rest(admin: Connection, name: str) -> Database:
    """What others write from here on would be in the old database alone, so that nobody may be connected."""
    if not BRIEFLY(lambda: _sessions(admin, name) == 0):
        raise TargetError(
            f"{_sessions(admin, name)} sessions are open in database {name}",
            hint="stop what uses it, then run the same command again",
        )
    found = find_database(admin, name)
    if found is None:
        raise TargetError(f"database {name} has been dropped meanwhile", hint="run again with --create")
    return found


def _sessions(admin: Connection, name: str) -> int:
    found = find_database(admin, name)
    return found.sessions if found else 0
