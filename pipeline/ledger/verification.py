"""What the verifiers said at the end of a run: kept beside the run, so that a report can tell it later."""

from __future__ import annotations

import os
import socket
from dataclasses import asdict

from pipeline.ledger.ledger import storable
from pipeline.outcome import Finding, Level, Verdict
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import query
from pipeline.record import Run, Verification

_COLUMNS = "verifier, table_name, subject, count, detail, allowed"


def record_verification(connection: Connection, run: Run, verification: Verification, *, seconds: float) -> None:
    """Keep it, in one transaction; a run that only verified becomes one that took `seconds` and is over.

    The ledger is ready. The lock of the target is not needed: nothing but the run's own rows is written. A run is
    verified once.
    """
    with connection.transaction():
        about = {"host": socket.gethostname(), "pid": os.getpid(), "seconds": seconds}
        connection.execute(query("record_run"), asdict(run) | about)
        connection.execute(
            """insert into _naru.verification (run_id, verdict, target_schema, target_tables, level, proof)
            values (%s, %s, %s, %s, %s, %s)""",
            [
                *(run.run_id, verification.verdict.value, verification.target_schema, [*verification.target_tables]),
                *(verification.level.value, verification.proof),
            ],
        )
        with connection.cursor().copy(f"copy _naru.finding (run_id, finding, {_COLUMNS}) from stdin") as copy:
            for place, it in enumerate(verification.findings):
                said = [storable(text) for text in (it.verifier, it.table, it.subject)]
                copy.write_row([run.run_id, place, *said, it.count, storable(it.detail), it.allowed])


def recorded_verification(connection: Connection, run_id: str) -> Verification | None:
    """Of a ledger that is ready: None where the run was not verified, or by a release that did not keep it."""
    row = connection.execute(query("verification"), [run_id]).fetchone()
    if row is None:
        return None
    statement = f"select {_COLUMNS} from _naru.finding where run_id = %s order by finding"  # noqa: S608
    findings = tuple(Finding(*found) for found in connection.execute(statement, [run_id]))
    verdict, schema, tables, verified_at, level, proof = row
    return Verification(Verdict(verdict), schema, tuple(tables), findings, verified_at, Level(level), proof)
