"""Whether a pooler stands before the server, and whether it keeps a session of the server for its client."""

from __future__ import annotations

import select
import time
from contextlib import closing

import psycopg

from pipeline.postgres.connect import Connection
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL

_ASK = "select pg_backend_pid()"
_WAIT_S = 5.0


def is_pooled(connection: Connection) -> bool:
    """libpq is told the number of the process that it talks to; a pooler tells one of its own."""
    return _process(connection) != connection.info.backend_pid


def is_shared(connection: Connection) -> bool:
    """Whether a second client gets the very process that serves this one: a pooler in transaction mode does so.

    True is sure. False is not: somebody else may have been given it first, or the pooler has no place for a second.
    """
    mine = _process(connection)
    try:
        with closing(psycopg.connect(connection.info.dsn, password=connection.info.password)) as other:
            return _answer(other) == mine
    except psycopg.OperationalError:
        return False


def _process(connection: Connection) -> int:
    (pid,) = one(connection, SQL(_ASK))
    return int(pid)


def _answer(other: Connection) -> int | None:
    """None where it takes too long: in session mode, a pooler whose sessions are all in use lets the client wait."""
    session, deadline = other.pgconn, time.monotonic() + _WAIT_S
    session.send_query(_ASK.encode())
    while session.is_busy():
        if not select.select([session.socket], [], [], max(0, deadline - time.monotonic()))[0]:
            return None
        session.consume_input()
    result = session.get_result()
    value = result.get_value(0, 0) if result else None
    return int(value) if value else None
