"""What is looked at before a run, each check with the reason of its answers; docs/preflight.md is made of this."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pipeline.engine.preflight import backups, server, space, target
from pipeline.engine.preflight.check import Check, answers
from pipeline.outcome import Answer
from pipeline.postgres.connect import Connection

HERE = (
    Check(
        "logs",
        space.logs,
        passes="`logs/` can be written and its disk has 100 MB",
        warns="less is free",
        fails="nothing can be written there",
    ),
)
"""Of this machine."""

SERVER = (
    Check(
        "writable",
        server.writable,
        passes="the session can write; what the role or the server sets as timeouts is set aside for it",
        warns="",
        fails="the server is a standby, or `default_transaction_read_only` is set",
    ),
    Check(
        "slots",
        server.slots,
        passes="the server, the database and the role allow three more connections",
        warns="they allow fewer",
        fails="",
    ),
    Check(
        "pooler",
        server.pooler,
        passes="the process that answers is the one that libpq was told of",
        warns="it is another: a pooler, and nothing shows that it is in transaction mode",
        fails="a second connection is given the same process: in transaction mode a run loses its lock and settings",
    ),
    Check(
        "transactions",
        server.transactions,
        passes="no other session has a transaction open for more than five minutes",
        warns="some have, or this role is not told how long they are open",
        fails="",
    ),
    Check(
        "prepared",
        server.prepared,
        passes="no prepared transaction is left in the database",
        warns="some are: they keep locks, through restarts too",
        fails="",
    ),
    Check(
        "runs",
        server.free_of_runs,
        passes="no run has the lock of the target",
        warns="",
        fails="one has",
    ),
)
"""Of the target, whatever is to arrive."""

BEFORE = (
    Check(
        "backup",
        backups.latest,
        passes=f"the newest backup of the database in `BACKUP_DIR` is at most {backups.FRESH_HOURS} hours old, and was "
        "restored and found equal; or the database holds no data",
        warns="it is older, broken, or was never restored, or there is none; or the clock has gone back behind it",
        fails="",
    ),
)
"""Of the backups of what the target holds before the run."""

COMING = (
    Check(
        "ledger",
        target.ledger,
        passes="there is none yet, or it belongs to the role",
        warns="",
        fails="it belongs to another",
    ),
    Check(
        "rights",
        target.rights,
        passes="the role may create in the target schema and in `_naru`, or make them, and write to tables that stand",
        warns="",
        fails="it may not: since 15, PostgreSQL lets nobody but the database's owner create in `public`",
    ),
    Check(
        "extensions",
        target.extensions,
        passes="types such as `geometry` that the plan names are there",
        warns="",
        fails="one is not, or not on the search path",
    ),
    Check(
        "locks",
        target.locks,
        passes="no table of the plan is locked against writing",
        warns="some are: a run would wait",
        fails="",
    ),
    Check(
        "disk",
        space.disk,
        passes="twice the size of the source is free where the server writes",
        warns="less is free, or the server is on another machine, or does not tell the role where it writes",
        fails="not even the source's own size is free, and all of it is to come",
    ),
)
"""Of the target, for what is to arrive."""


def before_run(connection: Connection, folder: Path, coming: target.Coming) -> Iterator[Answer]:
    """What `migrate` asks by itself, with the directory of backups; raises the first failure as what it is."""
    yield from answers(HERE)
    yield from answers(SERVER, connection)
    yield from answers(BEFORE, connection, folder)
    yield from answers(COMING, connection, coming)
