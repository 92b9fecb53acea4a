"""One run at a time in a target database: a session advisory lock, gone when its session is."""

from __future__ import annotations

from pipeline.errors import LockedError
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import query

# "naru" in ASCII: any constant does that nobody else uses.
LOCK_KEY = 0x6E617275


def acquire(connection: Connection) -> None:
    """Take the lock for as long as the session lives; raises LockedError naming its holder."""
    if connection.execute("select pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone() == (True,):
        return
    holder = connection.execute(query("lock_holder"), {"key": LOCK_KEY}).fetchone()
    who = "{} (server process {}, since {:%Y-%m-%d %H:%M:%S})".format(*holder) if holder else "another run"
    raise LockedError(
        f"the target is locked by {who}",
        hint="wait for that run to end, or look at it with: python -m pipeline status",
    )
