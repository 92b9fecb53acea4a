"""Makes, starts and stops the embedded server; to everything else it is a Target like any other."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import sys
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql
from pydantic import SecretStr
from tenacity import stop_after_delay

from pipeline.errors import TargetError, TargetUnavailable
from pipeline.file_lock import alone
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import postmaster
from pipeline.postgres.embedded.account import Account, account_for
from pipeline.postgres.embedded.memory import buffers_mb, memory_bytes
from pipeline.postgres.embedded.programs import program, run
from pipeline.retry import RECONNECT

_HOST, _USER, _DATABASE = "127.0.0.1", "naru", "naru"
_PLAIN = (("gssencmode", "disable"), ("sslmode", "disable"))  # whatever PGSSLMODE asks of other servers

# Written into postgresql.conf once, and the user's to edit. fsync and synchronous_commit stay on.
_CONFIGURATION = {
    "listen_addresses": _HOST,
    "unix_socket_directories": "",  # a socket's path may have 107 bytes; a project's is often longer
    "maintenance_work_mem": "256MB",  # index builds after the load
    "max_wal_size": "4GB",  # with the default of 1GB a load spends its time in checkpoints
    "checkpoint_timeout": "15min",
    "wal_level": "minimal",  # an index is written once, and not into the log as well: a key takes a quarter of the time
    "max_wal_senders": "0",  # which that level asks for
    "wal_compression": "off",  # the wheel has pglz alone: a sixth of a load's time on a processor (measured)
    "io_method": "sync",  # rows just loaded are in memory: handing their pages to workers costs a key a fifth more
    "jit": "off",  # costs more than it saves on the verifiers' short queries
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
    "log_line_prefix": "%m [%p] %q%a ",
}

_START_S = 300
"""Recovery after a crash replays up to max_wal_size."""
_TAKE_TURNS_S = _START_S + 60
_PASSING = (  # in the log of a start that may succeed a moment later
    "pre-existing shared memory block",  # children of a killed server are still ending
    "could not bind",  # the port was taken since we looked
)
_ELSEWHERE = "set NARU_HOME to a directory that can be written, or POSTGRESQL_HOST to a server of your own"
_SETTLE = RECONNECT.copy(stop=stop_after_delay(60))


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """What is known of the server; `pid` and `port` only while it runs."""

    home: Path
    pid: int | None
    port: int | None

    @property
    def running(self) -> bool:
        return self.pid is not None


class EmbeddedServer:
    """The PostgreSQL of one home directory (`.naru`); outlives the process that started it.

    Every method may be called from several processes at once, and again after any of them was killed.
    All raise TargetError.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.resolve() / "postgres"
        self._data = self._home / "data"
        self._password_file = self._home / "password"
        self._log = self._home / "server.log"

    def ensure_running(self) -> Target:
        """Make and start the server where needed; the same Target as long as it runs."""
        try:
            account = self._prepare_home()
            with self._alone():
                return _SETTLE(self._up, account)
        except OSError as error:
            raise TargetError(f"the embedded server cannot use {self._home}: {error}", hint=_ELSEWHERE) from error

    def target(self) -> Target:
        """Where the running server listens; raises TargetError when it does not run."""
        server = postmaster.running(self._data)
        if server is None:
            raise TargetError(f"the embedded server in {self._home} is not running", hint="start it: server start")
        return Target(_HOST, server.port, _USER, _DATABASE, self._password(), _PLAIN)

    def stop(self) -> bool:
        """Stop the server, rolling back what is open; False when none was running."""
        if not self._home.is_dir():
            return False
        with self._alone():
            if postmaster.running(self._data) is None:
                return False
            ended = run(account_for(self._home), "pg_ctl", "stop", "-D", self._data, "-m", "fast", "-w", "-t", "120")
            if ended.code != 0:
                raise TargetError(
                    f"the embedded server in {self._home} does not stop: {ended.output}",
                    hint="end the programs that use it, then try again",
                )
        return True

    def status(self) -> ServerStatus:
        server = postmaster.running(self._data)
        return ServerStatus(self._home, server.pid if server else None, server.port if server else None)

    @property
    def psql(self) -> Path:
        """The psql that belongs to the server."""
        return program("psql")

    def _alone(self) -> AbstractContextManager[None]:
        """One process at a time starts or stops it."""
        held = TargetError(
            "another process is starting or stopping the embedded server", hint="wait for it to end, then try again"
        )
        return alone(self._home / "lock", held=held, otherwise=TargetError, hint=_ELSEWHERE, timeout_s=_TAKE_TURNS_S)

    def _up(self, account: Account) -> Target:
        if postmaster.running(self._data) is None:
            if not self._data.is_dir():
                self._initialise(account)
            self._start(account)
        target = self.target()
        _ensure_database(target)
        return target

    def _password(self) -> SecretStr:
        try:
            return SecretStr(self._password_file.read_text(encoding="ascii"))
        except OSError as error:
            raise TargetError(
                f"the password of the embedded server cannot be read from {self._password_file}: {error.strerror}",
                hint=f"restore that file, or give up the server's data by removing {self._home}",
            ) from error

    def _prepare_home(self) -> Account:
        with suppress(FileExistsError):  # by another process, which may have made it just now
            self._home.parent.mkdir(parents=True)
            (self._home.parent / ".gitignore").write_text("*\n", encoding="ascii")  # holds a password
        self._home.mkdir(mode=0o700, exist_ok=True)
        account = account_for(self._home)
        account.give(self._home)
        return account

    def _initialise(self, account: Account) -> None:
        unfinished = self._home / "data.unfinished"  # renamed when whole: a killed initdb leaves nothing to trip over
        shutil.rmtree(unfinished, ignore_errors=True)
        self._write_password(account)
        configuration = {"shared_buffers": f"{buffers_mb(memory_bytes())}MB", **_CONFIGURATION}
        settings = [part for name, value in configuration.items() for part in ("--set", f"{name}={value}")]
        locale = ("--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8")
        login = ("--auth=scram-sha-256", f"--username={_USER}", f"--pwfile={self._password_file}")
        ended = run(account, "initdb", "--no-instructions", *locale, *login, *settings, "-D", unfinished)
        if ended.code != 0:
            raise TargetError(f"the embedded server could not be made in {self._home}: {ended.output}", hint=_ELSEWHERE)
        unfinished.rename(self._data)

    def _write_password(self, account: Account) -> None:
        self._password_file.unlink(missing_ok=True)
        handle = os.open(self._password_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(24))
        account.give(self._password_file)

    def _start(self, account: Account) -> None:
        postmaster.forget_stale(self._data)
        if self._log.exists():
            self._log.replace(self._log.with_name("server.previous.log"))
        command = ("start", "-D", self._data, "-l", self._log, "-w", "-t", _START_S)
        ended = run(account, "pg_ctl", *command, "-o", f"-p {self._port()}", timeout_s=_START_S + 30)
        if ended.code == 0:
            return
        log = self._log_end()
        kind = TargetUnavailable if any(text in log for text in _PASSING) else TargetError
        raise kind(
            f"the embedded server in {self._home} does not start; the end of {self._log.name}:\n{log or ended.output}",
            hint="remove the cause and try again, or set POSTGRESQL_HOST to a server of your own",
        )

    def _port(self) -> int:
        """A free port: that of last time where possible, so that other programs find the server again."""
        remembered = self._home / "port"
        try:
            wanted = int(remembered.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            wanted = 0
        for candidate in (wanted, 0):
            with closing(socket.socket()) as probe:
                if sys.platform != "win32":  # where it would take a port in use; elsewhere, only one just left
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind((_HOST, candidate))
                except (OSError, OverflowError):
                    continue
                port = int(probe.getsockname()[1])
                remembered.write_text(str(port), encoding="ascii")
                return port
        raise TargetError(f"no port is free on {_HOST}", hint="end some programs, then try again")

    def _log_end(self) -> str:
        if not self._log.exists():
            return ""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-10:])


def _ensure_database(target: Target) -> None:
    with connect(target.with_database("postgres"), application_name="naru server", autocommit=True) as connection:
        if connection.execute("select from pg_database where datname = %s", (target.database,)).rowcount == 0:
            connection.execute(sql.SQL("create database {}").format(sql.Identifier(target.database)))
