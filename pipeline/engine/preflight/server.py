"""Checks of the server and of our session on it, whatever is to arrive."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.engine.preflight.check import Said
from pipeline.errors import TargetError
from pipeline.ledger.lock import acquire_until_commit
from pipeline.postgres.connect import Connection
from pipeline.postgres.pooler import is_pooled, is_shared
from pipeline.postgres.records import one, records
from pipeline.postgres.sql import SQL, Composable, Identifier, Literal, query, text

_LONG_S = 300
"""A transaction of a web application takes milliseconds, that of a report minutes."""
_FEW_SLOTS = 3
"""A run has one connection at a time; after a cut, the server may count the lost one for a while."""


def writable(connection: Connection) -> Said:
    in_recovery, read_only, by, limits = one(connection, query("session_state"))
    if in_recovery:
        raise TargetError("the server is a standby: it takes no writes", hint="name the primary as the target")
    if read_only:
        told = f"transactions of {connection.info.user} are read-only, set by: {by}"
        raise TargetError(told, hint=_make_writable(connection, by))
    told = f"; set aside for the session: {', '.join(limits)}" if limits else ""
    return Said(f"{connection.info.user} may write{told}")


def _make_writable(connection: Connection, by: str) -> str:
    role, database = Identifier(connection.info.user), Identifier(connection.info.dbname)
    where: dict[str, Composable] = {
        "user": SQL("role {}").format(role),
        "database": SQL("database {}").format(database),
        "database user": SQL("role {} in database {}").format(role, database),
    }
    if by not in where:
        return "set default_transaction_read_only = off in postgresql.conf, or in the options of the connection"
    return text(SQL("alter {} set default_transaction_read_only = off;").format(where[by]))


def slots(connection: Connection) -> Said:
    found = one(connection, query("free_slots"))
    free = {name: left for name, left in zip(("server", "database", "role"), found, strict=True) if left is not None}
    least = min(free, key=lambda name: free[name])
    told = f"{free[least]} more connections are free, by the limit of the {least}"
    if free[least] >= _FEW_SLOTS:
        return Said(told)
    return Said(
        f"{told}; one that is cut may find no place to come back", "close other connections, or raise that limit"
    )


def pooler(connection: Connection) -> Said:
    if not is_pooled(connection):
        return Said("the connection leads to the server itself")
    mend = "connect to the server's own port, or use the pooler in session mode"
    if is_shared(connection):
        told = "a pooler in transaction mode stands between: the lock of a run and its settings would not hold"
        raise TargetError(told, hint=mend)
    return Said("a pooler stands between: in transaction mode, the lock of a run and its settings would not hold", mend)


@dataclass(frozen=True, slots=True)
class _Open:
    """A transaction of another session; `seconds` and `state` None: this role is not told."""

    pid: int
    role: str
    program: str
    seconds: int | None
    state: str | None

    def __str__(self) -> str:
        told = "open, for how long is not told" if self.seconds is None else f"open for {self.seconds} s, {self.state}"
        return f"process {self.pid} ({self.program}, role {self.role}): {told}"


def transactions(connection: Connection, *, older_s: float = _LONG_S) -> Said:
    found = records(connection, _Open, query("open_transactions"), {"older_s": older_s})
    if not found:
        return Said(f"no other transaction is open for longer than {older_s:g} s")
    if all(other.seconds is None for other in found):
        mend = text(SQL("grant pg_read_all_stats to {};").format(Identifier(connection.info.user)))
    else:
        mend = " ".join(f"select pg_terminate_backend({o.pid});" for o in found if o.seconds is not None)
    return Said("a run may have to wait for " + "; ".join(map(str, found)), f"wait until they end, or: {mend}")


@dataclass(frozen=True, slots=True)
class _Prepared:
    gid: str
    owner: str
    prepared: datetime


def prepared(connection: Connection) -> Said:
    found = records(connection, _Prepared, query("prepared_transactions"))
    if not found:
        return Said("no prepared transaction is left open")
    told = "; ".join(f"{it.gid} of {it.owner}, since {it.prepared:%Y-%m-%d %H:%M:%S}" for it in found)
    ends = " ".join(text(SQL("rollback prepared {};").format(Literal(it.gid))) for it in found)
    return Said(f"prepared transactions keep their locks until somebody ends them: {told}", f"commit them, or: {ends}")


def free_of_runs(connection: Connection) -> Said:
    with connection.transaction(force_rollback=True):
        acquire_until_commit(connection)
    return Said("no other run is under way")
