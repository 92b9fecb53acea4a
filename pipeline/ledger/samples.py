"""What a report shows of the ledger: one run whole, its pace, and a few rejects and losses of each kind."""

from __future__ import annotations

from pipeline.postgres.connect import Connection
from pipeline.postgres.records import records
from pipeline.postgres.sql import query
from pipeline.record import LossSample, Pace, RejectSample, RunRecord

_LIMITS = {"each": 3, "characters": 2000}
"""Samples of a kind, and of a text; a value may have a gigabyte, and a page shows some hundred."""
_PARTS = 96


def run_record(connection: Connection, run_id: str | None) -> RunRecord | None:
    """The run of that id, or the last one; None where there is none."""
    return next(iter(records(connection, RunRecord, query("run_record"), {"run_id": run_id})), None)


def pace(connection: Connection, run_id: str) -> tuple[Pace, ...]:
    """Rows over the time that a run was loading, in equal parts; empty for a run that loaded nothing."""
    return tuple(records(connection, Pace, query("pace"), {"run_id": run_id, "parts": _PARTS}))


def reject_samples(connection: Connection) -> tuple[RejectSample, ...]:
    """Of all tables, the oldest that wait of each stage and reason."""
    statement = query("reject_samples").format(waiting_rejects=query("waiting_rejects"))
    return tuple(records(connection, RejectSample, statement, _LIMITS))


def replayed_counts(connection: Connection) -> dict[tuple[str, str], int]:
    """Rows by schema and table that were refused once, and arrived by a replay."""
    return {(schema, table): count for schema, table, count in connection.execute(query("replayed_counts"))}


def loss_samples(connection: Connection) -> tuple[LossSample, ...]:
    """Of all tables, the first of each column and rule."""
    statement = query("loss_samples").format(arrived_losses=query("arrived_losses"))
    return tuple(records(connection, LossSample, statement, _LIMITS))


def later_run(connection: Connection, run_id: str) -> str | None:
    """The last run that began after that one and did more than to verify."""
    row = connection.execute(
        """select run_id from _naru.run
        where command <> 'verify' and started_at > (select started_at from _naru.run where run_id = %s)
        order by started_at desc limit 1""",
        [run_id],
    ).fetchone()
    return None if row is None else row[0]
