"""Puts a report together from what the target's ledger keeps; writes nothing into one of this version."""

from __future__ import annotations

from pipeline.errors import UsageError
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.samples import later_run, loss_samples, pace, reject_samples, replayed_counts, run_record
from pipeline.ledger.verification import recorded_verification
from pipeline.postgres.connect import Connection, Target, translated
from pipeline.postgres.introspect import relationships
from pipeline.record import Load, LossSample, Pace, RunRecord, Verification
from pipeline.report.document import Report, TableReport, standing, total


def make_report(connection: Connection, target: Target, run_id: str | None) -> Report:
    """Of the run of that id, or of the last one, at one moment of the target.

    Its tables are those that were loaded from the same source, by whichever run, and those that it verified.
    Raises UsageError where there is no such run, and TargetError.
    """
    ledger = Ledger(connection)
    with translated("reading the ledger"):
        stands = ledger.ready()
    with translated("reading the ledger"), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        run = run_record(connection, run_id) if stands else None
        if run is None:
            raise _unknown(target, run_id)
        verification = recorded_verification(connection, run.run_id)
        loads = [load for load in ledger.loads() if _belongs(load, run, verification)]
        return _report(connection, target, run, verification, loads)


def _report(
    connection: Connection, target: Target, run: RunRecord, verification: Verification | None, loads: list[Load]
) -> Report:
    changed = loss_samples(connection)
    replayed = replayed_counts(connection)
    tables = tuple(_table(load, verification, changed, replayed.get(_name(load), 0)) for load in loads)
    names = {_name(load) for load in loads}
    pace_run, parts = _pace(connection, run, loads)
    keys = relationships(connection, {schema for schema, _ in names})
    return Report(
        standing=standing(run, verification, tables),
        run=run,
        target=target.describe(),
        later_run=later_run(connection, run.run_id),
        totals=total(tables),
        tables=tables,
        relationships=tuple(key for key in keys if {key.child, key.parent} <= names),
        verified_at=verification.verified_at if verification else None,
        level=verification.level if verification else None,
        proof=verification.proof if verification else None,
        findings=verification.findings if verification else (),
        pace_run=pace_run,
        pace=parts,
        rejects=tuple(it for it in reject_samples(connection) if (it.target_schema, it.target_table) in names),
        losses=tuple(it for it in changed if (it.target_schema, it.target_table) in names),
    )


def _unknown(target: Target, run_id: str | None) -> UsageError:
    if run_id is None:
        return UsageError(f"no run has written to {target.describe()}", hint="first: python -m pipeline migrate")
    return UsageError(
        f"{target.describe()} knows no run {run_id}", hint="list the last runs with: python -m pipeline status"
    )


def _belongs(load: Load, run: RunRecord, verification: Verification | None) -> bool:
    verified = verification is not None and _verified(load, verification)
    return verified or load.run_id == run.run_id or load.fingerprint == run.fingerprint


def _verified(load: Load, verification: Verification) -> bool:
    return load.target_schema == verification.target_schema and load.target_table in verification.target_tables


def _name(load: Load) -> tuple[str, str]:
    return load.target_schema, load.target_table


def _table(
    load: Load, verification: Verification | None, changed: tuple[LossSample, ...], replayed: int
) -> TableReport:
    """Rows that were refused and `replayed` have arrived."""
    kinds = {
        (it.column_name, it.rule): it.count for it in changed if (it.target_schema, it.target_table) == _name(load)
    }
    found = verification.findings if verification and _verified(load, verification) else ()
    return TableReport(
        source=load.source_table,
        target_schema=load.target_schema,
        target=load.target_table,
        state=load.state,
        read=load.rows_read,
        loaded=load.rows_loaded + replayed,
        refused=load.rows_rejected - replayed,
        filtered=load.rows_filtered,
        losses=sum(kinds.values()),
        seconds=load.seconds,
        run_id=load.run_id,
        verified=verification is not None and _verified(load, verification),
        findings=sum(it.table == load.target_table and not it.allowed for it in found),
        planned_rows=load.planned_rows,
        planned_seconds=load.planned_seconds,
        planned_by=load.planned_by,
    )


def _pace(connection: Connection, run: RunRecord, loads: list[Load]) -> tuple[str | None, tuple[Pace, ...]]:
    """Of the run, or of the last that loaded rows, whose name is the greatest: runs are named by their beginning."""
    others = sorted({load.run_id for load in loads if load.batches}, reverse=True)
    for run_id in dict.fromkeys((run.run_id, *others)):
        if parts := pace(connection, run_id):
            return run_id, parts
    return None, ()
