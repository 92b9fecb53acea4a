"""Runs PostgreSQL's client programs: the password in a file, and the last words of what fails in our error."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import psycopg
from psycopg.conninfo import make_conninfo

from pipeline.errors import BackupError
from pipeline.log import get_logger, masked
from pipeline.postgres.client.programs import Programs
from pipeline.postgres.connect import Target

_SHOWN_BYTES = 2000
_OWNER_ONLY: dict[str, Any] = {} if sys.platform == "win32" else {"umask": 0o077}
_GRACE_S = 5
_LOOK_S = 0.5
SECRETS = frozenset(("password", "sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret"))
"""Parameters of libpq that no list of processes may show."""
_HINTS = (
    (
        re.compile("No space left|could not write"),
        "free space, or name another directory with --to or BACKUP_DIR",
    ),
    (
        re.compile(r'role ".*" does not exist|must be (able to SET ROLE|a? ?member of role|owner of)'),
        "make the roles first, with psql from the file .roles.sql of the backup, or add --no-owner",
    ),
    (
        re.compile("max_locks_per_transaction"),
        "raise it on the server; or restore into a new database, with --create, which takes no such transaction",
    ),
    (re.compile("permission denied"), "grant the role what is missing"),
)

_log = get_logger()


def run_client(
    programs: Programs,
    name: str,
    *arguments: str | Path,
    target: Target | None = None,
    watch: Callable[[], object] | None = None,
) -> None:
    """Run one to its end, on `target` where it needs a server; what it writes is its owner's alone to read.

    Meanwhile `watch` is called every half a second. Raises BackupError with the end of what it said. Whatever ends the
    wait for it, `watch` too, ends the program.
    """
    command = [str(programs.path(name)), *map(str, arguments)]
    _log.info("program started", command=command)
    with environment_of(target) as environment, tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=said,
                **_OWNER_ONLY,
            )
        except OSError as error:
            raise BackupError(f"{command[0]} could not run: {error.strerror}", hint="see POSTGRESQL_BIN") from error
        code = _ended(process, watch)
        words = last_words(said)
    check_end(name, code, words)


def check_end(name: str, code: int, words: str) -> None:
    """Raises BackupError with the words of a program that failed."""
    _log.info("program ended", program=name, code=code, said=words)
    if code != 0:
        raise BackupError(f"{name} {_how(code)}{': ' if words else ''}{words}", hint=_hint(words))


def _ended(process: subprocess.Popen[bytes], watch: Callable[[], object] | None) -> int:
    """Asked to end first where the wait is broken off: pg_dump then ends its own workers, who still write."""
    try:
        while watch:
            with suppress(subprocess.TimeoutExpired):
                return process.wait(_LOOK_S)
            watch()
        return process.wait()
    except BaseException:
        process.terminate()
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise


def link(target: Target) -> str:
    """What of a target no variable of the environment can say, as a connection string without secrets."""
    known = {option.keyword.decode() for option in psycopg.pq.Conninfo.get_defaults() if option.envvar}
    rest: dict[str, Any] = {name: value for name, value in target.conninfo().items() if name not in known | SECRETS}
    return make_conninfo(dbname=target.database, **rest)


def passfile_line(password: str) -> str:
    """Of a file for libpq, whatever the server and the role; raises BackupError for what it cannot hold."""
    if "\n" in password:
        raise BackupError("a password with a line feed cannot be handed to pg_dump", hint="give the role another")
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n"


@contextmanager
def environment_of(target: Target | None) -> Iterator[dict[str, str]]:
    """libpq's variables, and messages in one language; the password in a file that is removed behind it."""
    here = os.environ | {"LC_MESSAGES": "C", "LANGUAGE": "C"}
    if target is None:
        yield here
        return
    environment = target.environment(here)
    if target.password is None:
        yield environment
        return
    environment.pop("PGPASSWORD", None)  # outranks the file
    handle, name = tempfile.mkstemp(prefix="naru-")  # mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(passfile_line(target.password.get_secret_value()))
        yield environment | {"PGPASSFILE": name}
    finally:
        Path(name).unlink(missing_ok=True)


def last_words(said: IO[bytes]) -> str:
    end = said.seek(0, os.SEEK_END)
    said.seek(max(0, end - _SHOWN_BYTES))
    return masked(said.read().decode(errors="replace").strip())


def _how(code: int) -> str:
    return f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"


def _hint(words: str) -> str | None:
    return next((hint for pattern, hint in _HINTS if pattern.search(words)), None)
