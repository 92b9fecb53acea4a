"""The backup of every night: a script that needs nothing from the shell that it was installed from.

What .env says is read each night anew. What only the environment said is kept in the script, but for the password,
which is kept in a file for libpq, of mode 0600 as the script is.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

import pipeline
from pipeline.backup.files import make_folder, refusals, remove, write_whole
from pipeline.errors import BackupError, UsageError
from pipeline.postgres.client.run import SECRETS, passfile_line
from pipeline.postgres.connect import Target
from pipeline.settings import Settings

_FOLDER = ".naru-backup"
_AT = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_KEPT = re.compile(r"POSTGRESQL_\w+|BACKUP_\w+|NARU_HOME|DATABASE_URL|PG[A-Z]+", re.IGNORECASE)
_SECRET = {"POSTGRESQL_PASSWORD", "PGPASSWORD"}
_HOOK = "BACKUP_ON_FAILURE"
_MASK = "***"


@dataclass(frozen=True, slots=True)
class At:
    """A time of the day, in the machine's own zone."""

    hour: int
    minute: int

    @classmethod
    def read(cls, text: str) -> At:
        found = _AT.fullmatch(text)
        if found is None:
            raise UsageError(f"--at {text!r} is no time of the day", hint="write hours and minutes: --at 02:00")
        return cls(int(found[1]), int(found[2]))


@dataclass(frozen=True, slots=True)
class Job:
    """What runs at night, in which project."""

    project: Path
    kind: str
    """By what it is started; each kind has its own files."""
    environment: tuple[tuple[str, str], ...]
    password: SecretStr | None
    arguments: tuple[str, ...]

    @property
    def script(self) -> Path:
        return self.project / _FOLDER / f"{self.kind}.sh"

    @property
    def passfile(self) -> Path:
        return self.project / _FOLDER / f"{self.kind}.pgpass"

    @property
    def mark(self) -> str:
        """By which an entry is known as this project's."""
        return f"# naru backup: {self.project}"

    def files(self, *, masked: bool = False) -> dict[Path, str]:
        """All of them, with the secrets as stars where people read them."""
        files = {self.script: self._script(masked=masked)}
        if self.password is not None:
            files[self.passfile] = passfile_line(_MASK if masked else self.password.get_secret_value())
        return files

    def _script(self, *, masked: bool) -> str:
        command = [sys.executable, "-m", "pipeline", "backup", "run", *self.arguments]
        exports = dict(self.environment) | ({} if self.password is None else {"PGPASSFILE": str(self.passfile)})
        if masked and exports.get(_HOOK):
            exports[_HOOK] = _MASK
        lines = (
            "#!/bin/sh",
            f"{self.mark}",
            "# Written by `python -m pipeline backup install`: run that again after a change.",
            f"cd {shlex.quote(str(self.project))} || exit 5",
            "umask 077",
            *(f"export {name}={shlex.quote(value)}" for name, value in exports.items()),
            "mkdir -p logs && exec >>logs/backup.log 2>&1 || exit 5",
            "date",
            f"exec {shlex.join(command)}",
        )
        return "".join(f"{line}\n" for line in lines)


def no_job(kind: str, project: Path) -> Job:
    """One to be taken away, for which no setting counts."""
    return Job(project, kind, (), None, ())


def make_job(settings: Settings, kind: str, project: Path, arguments: tuple[str, ...]) -> Job:
    """Of this process's environment; raises BackupError, UsageError."""
    if any(character in "\r\n" or "\ud800" <= character <= "\udfff" for character in str(project)):
        raise UsageError(
            f"{str(project)!r}: no entry can hold a line feed, or what is not UTF-8", hint="rename the directory"
        )
    target = Target.from_settings(settings) if settings.target_configured else None
    said = {name.upper(): value for name, value in os.environ.items() if _KEPT.fullmatch(name)}
    own = {
        "LANG": os.environ.get("LANG") or "C.UTF-8",
        "PYTHONUTF8": "1",
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONPATH": str(Path(pipeline.__file__).resolve().parents[1]),
    }
    return Job(
        project, kind, tuple((own | _without_password(said, target)).items()), _password(said, target), arguments
    )


def write_files(job: Job) -> None:
    make_folder(job.script.parent)
    for path, text in job.files().items():
        write_whole(path, text)
    if job.password is None:
        with refusals(f"{job.passfile} cannot be removed"):
            remove(job.passfile)  # of an earlier installation


def remove_files(job: Job) -> None:
    with refusals(f"{job.script.parent} cannot be removed"):
        remove(job.script)
        remove(job.passfile)
        if job.script.parent.is_dir() and not any(job.script.parent.iterdir()):
            job.script.parent.rmdir()


def _without_password(said: Mapping[str, str], target: Target | None) -> dict[str, str]:
    kept = {name: value for name, value in said.items() if name not in _SECRET}
    if said.get("DATABASE_URL") and target is not None:
        secrets = SECRETS & dict(target.parameters).keys()
        if secrets:
            raise BackupError(
                f"DATABASE_URL has the secret {min(secrets)}, which no file for libpq can hold",
                hint="put the url in .env",
            )
        bare = Target(target.host, target.port, target.user, target.database, None, target.parameters)
        kept["DATABASE_URL"] = bare.url().get_secret_value()
    return kept


def _password(said: Mapping[str, str], target: Target | None) -> SecretStr | None:
    """The one that the environment alone knows; libpq itself reads PGPASSWORD."""
    if target is not None and target.password is not None:
        return target.password if said.get("DATABASE_URL") or said.get("POSTGRESQL_PASSWORD") else None
    return SecretStr(said["PGPASSWORD"]) if said.get("PGPASSWORD") else None
