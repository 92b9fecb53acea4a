"""Opens checked sessions on the target."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from psycopg.rows import TupleRow

from pipeline.errors import TargetError
from pipeline.log import get_logger
from pipeline.postgres.refusal import translated
from pipeline.postgres.target import Target

__all__ = ["Connection", "Target", "connect", "translated"]

Connection = psycopg.Connection[TupleRow]

_log = get_logger()


class _IntoOurLog(logging.Handler):
    """What the driver itself has to say, as of a rollback that a lost connection makes needless, is for the log."""

    def emit(self, record: logging.LogRecord) -> None:
        _log.debug("psycopg", text=record.getMessage())


_driver = logging.getLogger("psycopg")
_driver.addHandler(_IntoOurLog())
_driver.propagate = False

_OLDEST = 130000
_SESSION = {  # what a server or role may have set otherwise, and that would break or change a load
    "lock_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",  # PostgreSQL 14
    "transaction_timeout": "0",  # PostgreSQL 17
    "client_encoding": "UTF8",
    "extra_float_digits": "1",  # floats come back as they are
    "bytea_output": "hex",
    "timezone": "UTC",
    "datestyle": "ISO, YMD",
    "intervalstyle": "postgres",
    "row_security": "off",  # an error in place of rows that a policy hides: who cannot see them cannot count them
}

_CONFIGURE = """select set_config(wanted.name, wanted.value, false)
from unnest(%s::text[], %s::text[]) as wanted (name, value) join pg_settings on lower(pg_settings.name) = wanted.name"""
"""Only what the server knows: some settings are newer than the oldest server."""


def connect(
    target: Target, *, application_name: str, autocommit: bool = False, any_encoding: bool = False
) -> Connection:
    """A checked connection: PostgreSQL 13 or newer, UTF8, no timeouts of the server's own.

    `any_encoding` is for one who only makes another database from here. Raises TargetUnavailable where another try
    may help, TargetError where it will not.
    """
    with translated(f"connecting to {target.describe()}"):
        # Prepared statements are off: COPY gains nothing by them.
        arguments: dict[str, Any] = target.conninfo() | {"application_name": application_name}
        connection = psycopg.connect(autocommit=True, prepare_threshold=None, **arguments)
    try:
        _check_version(connection, target)
        if not any_encoding:
            _check_encoding(connection, target)
        connection.add_notice_handler(_log_notice)
        with translated(f"preparing the session on {target.describe()}"):
            connection.execute("set statement_timeout = 0")  # first, since the next takes longer than some allow
            connection.execute(_CONFIGURE, [list(_SESSION), list(_SESSION.values())])
            connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def _check_version(connection: Connection, target: Target) -> None:
    version = connection.info.server_version
    if version < _OLDEST:
        raise TargetError(
            f"{target.describe()} is postgresql {version // 10000}; 13 is the oldest that is supported",
            hint="upgrade it, or name another server",
        )


def _check_encoding(connection: Connection, target: Target) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise TargetError(
            f"database {target.database} is stored in {encoding}; only UTF8 holds every text",
            hint=f"create another: createdb --encoding=UTF8 --template=template0 {target.database}_utf8",
        )


def _log_notice(notice: psycopg.errors.Diagnostic) -> None:
    _log.debug("postgresql notice", severity=notice.severity_nonlocalized, text=notice.message_primary)
