"""What PostgreSQL's refusals mean to the user: psycopg's errors in our words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping

from pipeline.errors import TargetError, TargetUnavailable


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
        raise meaning.error(f"{what}: {told(error)}", hint=meaning.hint) from error


def told(error: psycopg.Error) -> str:
    """What PostgreSQL said, in one line."""
    parts = (error.diag.message_primary, error.diag.message_detail, error.diag.context)
    return "; ".join(text.strip() for text in parts if text) or " ".join(str(error).split())


def passes(error: psycopg.Error) -> bool:
    """Whether it says nothing of the statement: the server went, or others were in the way: try again."""
    meaning = _meaning(error) if error.sqlstate else None
    return meaning is None or issubclass(meaning.error, TargetUnavailable)


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a refusal means to the user."""

    error: type[TargetError]
    hint: str | None = None


_AWAY = _Meaning(TargetUnavailable, "check that the server runs and can be reached, then run again; it resumes")
_CONTENDED = _Meaning(TargetUnavailable, "another session was at the same rows or tables meanwhile: run again")
_BUSY = _Meaning(TargetUnavailable, "close other connections, or raise max_connections")
_LOGIN = _Meaning(TargetError, "check user, password and database of the target, and the server's pg_hba.conf")
_BY_SQLSTATE = {  # by class or by whole code; the longest that fits decides
    "": _Meaning(TargetError),
    "08": _AWAY,
    "28": _LOGIN,
    "2BP01": _Meaning(TargetError, "drop yourself what depends on it, then run again"),
    "3D000": _Meaning(TargetError, "create the database first, or correct its name"),
    "40": _Meaning(TargetError, "something else wrote to the same rows meanwhile: run again"),
    "40001": _CONTENDED,
    "40P01": _CONTENDED,
    "25006": _Meaning(TargetError, "the server is a standby or read only: name the primary"),
    "42501": _Meaning(
        TargetError,
        "grant the user the right to create and write in the target schema; past row-level security, `bypassrls`",
    ),
    "42704": _Meaning(  # as a type that is not there
        TargetError, "`create extension` what has the type, as postgis has geometry; or give the column `type: text`"
    ),
    "53100": _Meaning(TargetError, "free space on the server's disk, then run again; it resumes"),
    "53200": _Meaning(TargetError, "the server is out of memory: lower MIGRATION_BATCH_SIZE"),
    "53300": _BUSY,
    "55P03": _Meaning(TargetError, "another session holds a lock on the table: let it end, then run again"),
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
