"""Which pg_dump: by the candidates' own words, the oldest that is new enough and, where that is needed, speaks TLS.

Not the newest: what pg_dump 17 and later write sets a `transaction_timeout`, which no older server takes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pipeline.errors import BackupError, SettingsError, TargetError
from pipeline.postgres.connect import Connection
from pipeline.postgres.embedded.programs import program
from pipeline.settings import Settings

_NAMES = ("pg_dump", "pg_restore", "pg_dumpall", "psql")
_SUFFIX = ".exe" if sys.platform == "win32" else ""
_USUAL = (  # where installers of PostgreSQL put each version
    ("/usr/lib/postgresql", "*/bin"),
    ("/usr", "pgsql-*/bin"),
    ("/opt/homebrew/opt", "postgresql@*/bin"),
    ("/usr/local/opt", "postgresql@*/bin"),
    ("/opt/homebrew/opt", "libpq/bin"),
    ("/Library/PostgreSQL", "*/bin"),
    ("/Applications/Postgres.app/Contents/Versions", "*/bin"),
    (os.environ.get("PROGRAMFILES", "C:/Program Files"), "PostgreSQL/*/bin"),
)
_NO_TLS = "SSL support is not compiled in"


@dataclass(frozen=True, slots=True)
class Programs:
    """A directory with pg_dump, pg_restore, pg_dumpall and psql of one version."""

    folder: Path
    version: str
    """As pg_dump tells it: `18.6`."""

    @property
    def major(self) -> int:
        return int(self.version.split(".")[0])

    def path(self, name: str) -> Path:
        return self.folder / f"{name}{_SUFFIX}"

    def has_tls(self) -> bool:
        """Asked of its libpq, which refuses the wish before it looks for a server."""
        return _NO_TLS not in _asked(self.path("pg_dump"), "--dbname", "host=127.0.0.1 port=1 sslmode=require")


@dataclass(frozen=True, slots=True)
class Need:
    """What a server asks of the programs, or an archive: pg_restore may be older than the server, not than pg_dump."""

    major: int
    tls: bool

    @classmethod
    def of(cls, connection: Connection) -> Need:
        """TLS where the connection really uses it: what forbids to do without it would have refused otherwise."""
        return cls(connection.info.server_version // 10000, connection.pgconn.ssl_in_use)


def programs_for(settings: Settings, need: Need) -> Programs:
    """Of one version, the embedded server's own come before the system's; raises BackupError, SettingsError."""
    found = sorted(_candidates(settings.postgresql_bin), key=lambda it: it.major)
    fitting = (it for it in found if it.major >= need.major and (not need.tls or it.has_tls()))
    chosen = next(fitting, None)
    if chosen is None:
        told = "; ".join(f"{it.version} in {it.folder}{_lack(it, need)}" for it in found) or "none"
        wanted = f"pg_dump {need.major} or newer{' that speaks TLS' if need.tls else ''}"
        raise BackupError(
            f"no {wanted} is here; found: {told}",
            hint=f"install the client programs of postgresql {need.major} (Debian, Ubuntu: "
            f"postgresql-client-{need.major}), or name their directory in POSTGRESQL_BIN",
        )
    return chosen


def _lack(found: Programs, need: Need) -> str:
    return " (too old)" if found.major < need.major else " (without TLS)"


def _candidates(own: Path | None) -> Iterator[Programs]:
    """Each directory once; only `own` where the user has named one."""
    if own is not None:
        named = programs_in(own)
        if named is None:
            raise SettingsError(
                f"POSTGRESQL_BIN {own} has not all of {', '.join(_NAMES)}",
                hint="name the bin directory of an installation",
            )
        yield named
        return
    embedded = _embedded()
    if embedded is not None:
        yield embedded
    yield from (it for it in map(programs_in, dict.fromkeys(_folders())) if it)


def _embedded() -> Programs | None:
    try:
        return programs_in(program("pg_dump").parent)
    except TargetError:
        return None  # the wheel has none for this system


def _folders() -> Iterator[Path]:
    for folder, pattern in _USUAL:
        yield from Path(folder).glob(pattern)
    yield from (Path(entry) for entry in os.environ.get("PATH", "").split(os.pathsep) if entry)


@cache
def programs_in(folder: Path) -> Programs | None:
    """None for a directory without all of them, or whose pg_dump does not run."""
    if not all((folder / f"{name}{_SUFFIX}").is_file() for name in _NAMES):
        return None
    version = re.search(r"\(PostgreSQL\) (\d+(?:\.\d+)*)", _asked(folder / f"pg_dump{_SUFFIX}", "--version"))
    return Programs(folder, version[1]) if version else None


def _asked(program: Path, *arguments: str) -> str:
    """What it prints on either stream, in English; empty where it cannot run."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        ended = subprocess.run(
            [str(program), *arguments],
            env=environment | {"LC_ALL": "C", "PGCONNECT_TIMEOUT": "5"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return ended.stdout.decode(errors="replace")
