"""Does a backup hold what its manifest says? Its files are hashed and read; or it is restored, and every table counted.

What was found is kept beside the backup.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pipeline.backup.content import differences
from pipeline.backup.files import sha256, write_whole
from pipeline.backup.folder import Backup, open_backup
from pipeline.backup.manifest import File, Look, Verified, as_text, read_verified
from pipeline.backup.phase import Observer, Phase, phase
from pipeline.backup.scratch import Scratch
from pipeline.errors import BackupError
from pipeline.postgres.client.programs import Programs
from pipeline.postgres.client.run import link, run_client
from pipeline.postgres.client.text import restore_as_text
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.databases import database_bytes

_SHOWN = 20
_NO_ROLE = re.compile('role ".*" does not exist')
"""Of a backup with its roles: another server would take it without owners and grants, and hide that one is missing."""

WITHOUT_ROLES = ("--no-owner", "--no-privileges")


class Refused(BackupError):
    """A server did not take the backup, and another one may."""


def verify_by_reading(backup: Backup, programs: Programs, observer: Observer) -> Backup:
    """Every byte of every file, and the archive as pg_restore reads it; raises BackupError if nothing can be kept."""
    problems = changed(backup, observer)
    if not problems:
        try:
            with phase(observer, f"reading {backup.archive} with pg_restore {programs.version}"):
                run_client(programs, "pg_restore", "--file=-", backup.archive)
        except BackupError as error:
            problems.append(error.message)
    return _kept(backup, read=_look(problems, f"pg_restore {programs.version}"))


def verify_by_restoring(backup: Backup, programs: Programs, scratch: Scratch, observer: Observer) -> Backup:
    """Into an empty database; raises Refused, and BackupError if nothing can be kept."""
    try:
        with phase(observer, f"restoring into {scratch.where}", "bytes", backup.manifest.database_bytes) as now:
            restore(backup, programs, scratch.target, now, roles=scratch.own_server)
    except BackupError as error:
        incomplete = scratch.own_server and backup.roles is not None and _NO_ROLE.search(error.message)
        if not scratch.decisive and not incomplete:
            raise Refused(f"{scratch.where} does not take the backup: {error.message}", hint=error.hint) from error
        problems = [error.message]
    else:
        problems = differences(backup.manifest, scratch.target, observer)
    return _kept(backup, restored=_look(problems, scratch.where))


def restore(backup: Backup, programs: Programs, target: Target, now: Phase, *, roles: bool) -> None:
    """Everything, into an empty database; raises BackupError at the first refusal.

    Without its roles, nothing has an owner or grants.
    """
    options = ["--no-subscriptions", "--no-security-labels"]
    if roles and backup.roles is not None:
        # Roles that are there already are refused, and that is well: what lacks one fails below.
        run_client(programs, "psql", "--no-psqlrc", "--quiet", f"--file={backup.roles}", target=target)
    else:
        options += [*WITHOUT_ROLES]
    fill(backup, programs, target, now, *options)


def fill(backup: Backup, programs: Programs, target: Target, now: Phase, *options: str, whole: bool = False) -> None:
    """What the archive holds, into an empty database: `whole`, or nothing; raises BackupError at the first refusal.

    Where its tables lie on the server's disks is a matter of the server. The phase reaches the database's size.
    """
    options = ("--no-password", "--no-tablespaces", *options)
    with connect(target, application_name="naru backup", autocommit=True) as session:

        def look() -> None:
            now.reach(database_bytes(session))

        if session.info.server_version // 10000 < programs.major:
            restore_as_text(programs, backup.archive, *options, target=target)
        else:
            arguments = ("--exit-on-error", *options, *["--single-transaction"] * whole, f"--dbname={link(target)}")
            watch = look if now.observer.live else None
            run_client(programs, "pg_restore", *arguments, backup.archive, target=target, watch=watch)
        look()


def changed(backup: Backup, observer: Observer) -> list[str]:
    """Files that are not what they were; each is read whole."""
    with phase(observer, f"hashing the files of {backup.manifest.name}", "bytes", backup.manifest.bytes) as now:
        return [problem for file in backup.manifest.files for problem in _changed(backup.folder, file, now)]


def _changed(folder: Path, file: File, now: Phase) -> Iterator[str]:
    path = folder / file.path
    if path.is_symlink() or not path.is_file():
        yield f"{file.path} is missing"
        return
    try:
        found = sha256(path, now.advance)
    except OSError as error:
        yield f"{file.path} cannot be read: {error.strerror}"
        return
    if found != file.sha256:
        yield f"{file.path} has been changed: its sha256 is {found}, and was {file.sha256}"


def _look(problems: list[str], where: str) -> Look:
    return Look(at=datetime.now(UTC), problems=tuple(problems[:_SHOWN]), where=where)


def _kept(backup: Backup, **look: Look) -> Backup:
    path = backup.folder / backup.names.verified
    known = read_verified(path) or Verified(format=1, name=backup.manifest.name)
    write_whole(path, as_text(known.model_copy(update=look)))
    return open_backup(backup.folder / backup.names.manifest)
