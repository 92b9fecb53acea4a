"""What the ledger and the verifiers say of a plan, as one outcome."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace

from pipeline.batch import Unreadable
from pipeline.catalog import Notice, Table, View
from pipeline.engine.lookup import batches
from pipeline.engine.plan import Plan, TableTask
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import loss_counts
from pipeline.ledger.verification import record_verification
from pipeline.outcome import Finding, Level, ProofFile, RunOutcome, TableOutcome, Verdict, clean
from pipeline.postgres.connect import Connection, Target, translated
from pipeline.postgres.introspect import is_empty, may_read, table_names
from pipeline.postgres.records import count_rows
from pipeline.postgres.sql import relation, text
from pipeline.prefetch import prefetched
from pipeline.record import Load, Run, Verification
from pipeline.sources.base import Source
from pipeline.transform.chain import Transformed
from pipeline.verify.subject import Content, Subject
from pipeline.verify.verify import Verified, verify

_SCHEMA = "unreadable_schema"
_BATCH_ROWS = 20_000

_Verify = Callable[[Connection, Iterable[Subject], Iterable[View], Level], Verified]


def verify_plan(
    connection: Connection, plan: Plan, source: Source | None, *, level: Level = Level.CONTENT, how: _Verify = verify
) -> tuple[Finding, ...]:
    """What `verified_plan` finds."""
    return verified_plan(connection, plan, source, level, how).findings


def verified_plan(
    connection: Connection, plan: Plan, source: Source | None, level: Level, how: _Verify = verify
) -> Verified:
    """Every verifier of the level over every table of the plan; rows are counted and read again in the source, if it
    is given. `how` is `verify_here` inside of a transaction.
    """
    with translated("reading the ledger"):
        ledger = Ledger(connection)
        installed = ledger.ready()
        subjects = [
            Subject(
                task.source.name,
                task.target,
                ledger.load(task.target) if installed else None,
                source.count(task.source.name) if source else None,
                claimed_rows=task.source.rows,
                content=content_of(source, task) if source and level is Level.CONTENT else None,
            )
            for task in plan.tasks
        ]
    unread = tuple(Finding("source", n.table or "database", _SCHEMA, 1, n.text) for n in plan.unread)
    verified = how(connection, subjects, plan.target.views, level)
    return replace(verified, findings=unread + verified.findings)


def content_of(source: Source, task: TableTask) -> Content:
    """The rows of a task's source, read and transformed anew, beside what compares them."""

    def read() -> Iterator[Transformed]:
        found = (task.chain.apply(batch) for batch in batches(source, task, batch_rows=_BATCH_ROWS))
        with prefetched(found) as transformed:
            yield from transformed

    return Content(read, task.chain.carried)


def keep_findings(
    connection: Connection,
    plan: Plan,
    run: Run,
    findings: tuple[Finding, ...],
    *,
    seconds: float,
    level: Level = Level.CONTENT,
    proof: ProofFile | None = None,
) -> bool:
    """Put what `verify_plan` found at that level into the ledger, for a report; False where the target has no ledger.

    Raises TargetError, as for a role that may read alone.
    """
    tables = tuple(task.target.name for task in plan.tasks)
    with translated("recording the verification"):
        if not Ledger(connection).installed():
            return False
        verification = Verification(
            verdict(findings), plan.schema, tables, findings, level=level, proof=proof.sha256 if proof else None
        )
        record_verification(connection, run, verification, seconds=seconds)
    return True


def verdict(findings: Collection[Finding]) -> Verdict:
    """Incomplete as long as something that damage took is not replayed, for nothing else brings it."""
    lost = {_SCHEMA, *Unreadable}
    if any(finding.verifier in ("source", "rejects") and finding.subject in lost for finding in findings):
        return Verdict.INCOMPLETE
    return Verdict.COMPLETE if clean(findings) else Verdict.DIFFERENCES


def summarize(
    connection: Connection,
    plan: Plan,
    run: Run,
    target: Target,
    verified: Verified,
    unbuilt: tuple[Notice, ...],
    seconds: float,
    proof: ProofFile | None,
) -> RunOutcome:
    with translated("reading the ledger"):
        ledger = Ledger(connection)
        loads = [load for task in plan.tasks if (load := ledger.load(task.target))]
        losses = Counter[tuple[str, str]]()
        for row in loss_counts(connection):
            losses[row.target_schema, row.target_table] += row.count
    notices = tuple(f"{notice.table or 'database'}: {notice.text}" for notice in unbuilt)
    tables = tuple(_table(load, losses[load.target_schema, load.target_table]) for load in loads)
    return RunOutcome(
        run_id=run.run_id,
        source=run.source,
        target=target.describe(),
        tables=tables,
        findings=verified.findings,
        notices=notices,
        seconds=seconds,
        verdict=verdict(verified.findings),
        level=verified.level,
        proof=proof,
    )


def occupied(connection: Connection, plan: Plan, *, restart: bool) -> list[str]:
    """Tables of the target schema with rows that Naru did not bring, or that cannot be looked into.

    With `restart`, tables of ours as well: they will be dropped with what others have put into them.
    """
    with translated("looking for data in the target"):
        ledger = Ledger(connection)
        loads = ledger.loads() if ledger.ready() else []
        ours = {load.target_table: load for load in loads if load.target_schema == plan.schema and load.staging is None}
        tables = [Table(name, (), plan.schema) for name in table_names(connection, plan.schema)]
        return [
            text(relation(table))
            for table in tables
            if (
                (restart and _was_changed(connection, table, ours[table.name]))
                if table.name in ours
                else not may_read(connection, table) or not is_empty(connection, table)
            )
        ]


def _was_changed(connection: Connection, table: Table, load: Load) -> bool:
    return count_rows(connection, relation(table)) != load.rows_loaded


def _table(load: Load, losses: int) -> TableOutcome:
    return TableOutcome(
        load.source_table,
        f"{load.target_schema}.{load.target_table}",
        load.rows_read,
        load.rows_loaded,
        load.rows_rejected,
        load.rows_filtered,
        losses,
        load.seconds,
    )
