"""One run at a time in a target database: a session advisory lock, gone when its session is."""

from __future__ import annotations

from typing import NoReturn

from pipeline.errors import LockedError, TargetUnavailable
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, query
from pipeline.retry import BRIEFLY

# "naru" in ASCII: any constant does that nobody else uses.
LOCK_KEY = 0x6E617275


def acquire(connection: Connection, application_name: str | None = None) -> None:
    """Take the lock for as long as the session lives; raises LockedError naming its holder.

    A session of the same `application_name` is our own from before a network cut, which the server has
    not noticed yet: it is ended, and TargetUnavailable asks for another try.
    """
    if not BRIEFLY(_try, connection, query("try_lock")):
        _refuse(connection, application_name)


def acquire_until_commit(connection: Connection) -> None:
    """As `acquire`, and let go of it where the transaction ends that the caller has open."""
    if not BRIEFLY(_try, connection, query("try_lock_until_commit")):
        _refuse(connection, None)


def _refuse(connection: Connection, application_name: str | None) -> NoReturn:
    holder = connection.execute(query("lock_holder"), {"key": LOCK_KEY}).fetchone()
    who = "another run"
    if holder:
        name, pid, since = holder
        if name == application_name:
            connection.execute("select pg_terminate_backend(%s)", [pid])
            raise TargetUnavailable("our own earlier session still held the lock", hint="run again; it resumes")
        who = f"{name} (server process {pid}{f', since {since:%Y-%m-%d %H:%M:%S}' if since else ''})"
    raise LockedError(
        f"the target is locked by {who}",
        hint="wait for that run to end, or look at it with: python -m pipeline status",
    )


def _try(connection: Connection, statement: SQL) -> bool:
    return connection.execute(statement, {"key": LOCK_KEY}).fetchone() == (True,)
