"""Connections to the target, and psycopg's errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import PGconn, Ping
from psycopg.rows import TupleRow
from pydantic import SecretStr

from pipeline.errors import SettingsError, TargetError, TargetUnavailable
from pipeline.log import get_logger
from pipeline.settings import Settings

Connection = psycopg.Connection[TupleRow]

_log = get_logger()

_OLDEST = 130000
_SESSION = {  # what a server or role may have set otherwise, and that would break or change a load
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
}

_NETWORK = {
    "connect_timeout": "10",
    "client_encoding": "UTF8",
    # A dead peer is found after a minute. No tcp_user_timeout: it also cuts a server that is only slow to read.
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the PostgreSQL is that is being written, and as whom."""

    host: str
    port: int
    user: str
    database: str
    password: SecretStr | None = None
    """None leaves it to libpq: .pgpass, trust, peer."""
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further parameters of libpq, as sslmode; may hold secrets."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The target that the user named; raises SettingsError for a URL that is none, or names none."""
        if settings.database_url is not None:
            return cls.from_url(settings.database_url)
        if settings.postgresql_host is None or settings.postgresql_user is None or settings.postgresql_db is None:
            raise SettingsError("no target is configured", hint="set POSTGRESQL_HOST, or use the embedded server")
        mode = settings.postgresql_sslmode
        return cls(
            settings.postgresql_host,
            settings.postgresql_port,
            settings.postgresql_user,
            settings.postgresql_db,
            settings.postgresql_password,
            (("sslmode", mode),) if mode else (),
        )

    @classmethod
    def from_url(cls, url: SecretStr) -> Self:
        """Read a connection URL of libpq; the error does not repeat it, since it may hold a password."""
        try:
            parts = {name: str(value) for name, value in conninfo_to_dict(url.get_secret_value()).items()}
            port = int(parts.pop("port", "5432"))
            host, user, database = (parts.pop(name) for name in ("host", "user", "dbname"))
        except (psycopg.Error, ValueError, KeyError) as error:
            missing = f" without {error}" if isinstance(error, KeyError) else ""
            raise SettingsError(
                f"DATABASE_URL is not a connection url{missing}",
                hint="write postgresql://user:password@host:5432/database; in the password, %40 is @ and %2F is /",
            ) from None
        password = parts.pop("password", None)
        return cls(host, port, user, database, SecretStr(password) if password else None, tuple(sorted(parts.items())))

    def describe(self) -> str:
        """URL without password and parameters, for people."""
        return f"postgresql://{quote(self.user, safe='')}@{self._place}"

    def url(self) -> SecretStr:
        """URL with the password, for another program."""
        password = "" if self.password is None else ":" + quote(self.password.get_secret_value(), safe="")
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.parameters)
        return SecretStr(
            f"postgresql://{quote(self.user, safe='')}{password}@{self._place}{'?' if query else ''}{query}"
        )

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        return f"{host}:{self.port}/{quote(self.database, safe='')}"

    def with_database(self, database: str) -> Self:
        return replace(self, database=database)

    def conninfo(self) -> dict[str, str]:
        """Parameters for libpq, the password in the clear: hand it to a driver, never to a log."""
        secret = {} if self.password is None else {"password": self.password.get_secret_value()}
        place = {"host": self.host, "port": str(self.port), "user": self.user, "dbname": self.database}
        return _NETWORK | dict(self.parameters) | place | secret

    def environment(self) -> dict[str, str]:
        """The same as environment variables, for psql and pg_dump: a process list does not show them."""
        names = {
            option.keyword.decode(): option.envvar.decode()
            for option in psycopg.pq.Conninfo.get_defaults()
            if option.envvar
        }
        return {names[keyword]: value for keyword, value in self.conninfo().items() if keyword in names}


def connect(target: Target, *, application_name: str, autocommit: bool = False) -> Connection:
    """A checked connection: PostgreSQL 13 or newer, UTF8, no timeouts of the server's own.

    Raises TargetUnavailable where another try may help, TargetError where it will not.
    """
    with translated(f"connecting to {target.describe()}"):
        # Prepared statements are off: poolers in transaction mode break them, and COPY gains nothing by them.
        arguments: dict[str, Any] = target.conninfo() | {"application_name": application_name}
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, **arguments)
    try:
        _check(connection, target)
        connection.add_notice_handler(_log_notice)
        with translated(f"preparing the session on {target.describe()}"):
            calls = sql.SQL(", ").join([sql.SQL("set_config(%s, %s, false)")] * len(_SESSION))
            connection.execute(sql.SQL("select ") + calls, [part for setting in _SESSION.items() for part in setting])
            connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def _check(connection: Connection, target: Target) -> None:
    version = connection.info.server_version
    if version < _OLDEST:
        raise TargetError(
            f"{target.describe()} is postgresql {version // 10000}; 13 is the oldest that is supported",
            hint="upgrade it, or name another server",
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise TargetError(
            f"database {target.database} is stored in {encoding}; only UTF8 holds every text",
            hint=f"create another: createdb --encoding=UTF8 --template=template0 {target.database}_utf8",
        )


def _log_notice(notice: psycopg.errors.Diagnostic) -> None:
    _log.debug("postgresql notice", severity=notice.severity_nonlocalized, text=notice.message_primary)


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Raise PostgreSQL's refusals as TargetError or TargetUnavailable, saying what was being done.

    What psycopg itself refuses is a bug of ours and passes untouched.
    """
    try:
        yield
    except psycopg.Error as error:
        meaning = _meaning(error)
        if meaning is None:
            raise
        raise meaning.error(f"{what}: {_text(error)}", hint=meaning.hint) from error


def _text(error: psycopg.Error) -> str:
    told = (error.diag.message_primary, error.diag.message_detail, error.diag.context)
    return "; ".join(text.strip() for text in told if text) or " ".join(str(error).split())


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a refusal means to the user."""

    error: type[TargetError]
    hint: str | None = None


_AWAY = _Meaning(TargetUnavailable, "check that the server runs and can be reached, then run again; it resumes")
_BUSY = _Meaning(TargetUnavailable, "close other connections, or raise max_connections")
_LOGIN = _Meaning(TargetError, "check user, password and database of the target, and the server's pg_hba.conf")
_BY_SQLSTATE = {  # by class or by whole code; the longest that fits decides
    "": _Meaning(TargetError),
    "08": _AWAY,
    "28": _LOGIN,
    "3D000": _Meaning(TargetError, "create the database first, or correct its name"),
    "25006": _Meaning(TargetError, "the server is a standby or read only: name the primary"),
    "42501": _Meaning(TargetError, "grant the user the right to create and write in the target schema"),
    "53100": _Meaning(TargetError, "free space on the server's disk, then run again; it resumes"),
    "53200": _Meaning(TargetError, "the server is out of memory: lower MIGRATION_BATCH_SIZE"),
    "53300": _BUSY,
    "57P01": _AWAY,  # an administrator ended the session, or the server shuts down
    "57P02": _AWAY,  # another backend crashed
    "57P03": _AWAY,  # starting up, shutting down, in recovery
    "57P05": _AWAY,  # idle for longer than the server likes
}
# libpq gives no SQLSTATE while it connects, only the text: its own in English, the server's in the server's language.
_BY_TEXT = (
    (re.compile(r"starting up|shutting down|in recovery mode|not yet accepting"), _AWAY),
    (re.compile(r"too many (clients|connections)|connection slots are reserved"), _BUSY),
    (re.compile(r"database .* does not exist"), _BY_SQLSTATE["3D000"]),
    (
        re.compile(r"\bSSL\b.*(not support|required)|certificate|invalid response"),
        _Meaning(TargetError, "check sslmode and port"),
    ),
    (re.compile(r"no password supplied|authentication|SCRAM"), _LOGIN),
)
_SERVER_SPEAKS = re.compile(r"failed: [^\n:]{1,30}:  ")  # a severity, in any language, and two spaces


def _meaning(error: psycopg.Error) -> _Meaning | None:
    """None for what PostgreSQL did not say."""
    if error.sqlstate:
        return next(_BY_SQLSTATE[error.sqlstate[:n]] for n in (5, 2, 0) if error.sqlstate[:n] in _BY_SQLSTATE)
    if not isinstance(error, psycopg.OperationalError):
        return None
    text = str(error)
    known = next((meaning for pattern, meaning in _BY_TEXT if pattern.search(text)), None)
    return known or (_LOGIN if _SERVER_SPEAKS.search(text) and _accepts_connections(error) else _AWAY)


def _accepts_connections(error: psycopg.Error) -> bool:
    """Whether the server is up and it is us it refused; libpq's ping sees the SQLSTATE that it withholds elsewhere."""
    if error.pgconn is None:
        return False
    place = make_conninfo(host=error.pgconn.host.decode(), port=error.pgconn.port.decode(), connect_timeout=2)
    return PGconn.ping(place.encode()) == Ping.OK
