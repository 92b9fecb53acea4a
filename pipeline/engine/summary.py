"""What the ledger and the verifiers say of a plan, as one outcome."""

from __future__ import annotations

from pipeline.catalog import Notice, Table
from pipeline.engine.plan import Plan
from pipeline.ledger.ledger import Ledger
from pipeline.outcome import Finding, Load, Run, RunOutcome, TableOutcome
from pipeline.postgres.connect import Connection, Target, translated
from pipeline.postgres.introspect import is_empty, table_names
from pipeline.postgres.sql import relation, text
from pipeline.sources.base import Source
from pipeline.verify.subject import Subject
from pipeline.verify.verify import verify


def verify_plan(connection: Connection, plan: Plan, source: Source | None) -> tuple[Finding, ...]:
    """Every verifier over every table of the plan; rows are counted again in the source, if it is given."""
    with translated("reading the ledger"):
        ledger = Ledger(connection)
        installed = ledger.installed()
        subjects = [
            Subject(
                task.source.name,
                task.target,
                ledger.load(task.target) if installed else None,
                source.count(task.source.name) if source else None,
            )
            for task in plan.tasks
        ]
    return verify(connection, subjects)


def summarize(
    connection: Connection,
    plan: Plan,
    run: Run,
    target: Target,
    findings: tuple[Finding, ...],
    unbuilt: tuple[Notice, ...],
    seconds: float,
) -> RunOutcome:
    with translated("reading the ledger"):
        ledger = Ledger(connection)
        loads = [load for task in plan.tasks if (load := ledger.load(task.target))]
    notices = tuple(f"{notice.table or 'database'}: {notice.text}" for notice in unbuilt)
    tables = tuple(_table(load) for load in loads)
    return RunOutcome(run.run_id, run.source, target.describe(), tables, findings, notices, seconds)


def occupied(connection: Connection, plan: Plan) -> list[str]:
    """Tables of the target schema that hold rows and that Naru did not make."""
    with translated("looking for data in the target"):
        ledger = Ledger(connection)
        loads = ledger.loads() if ledger.installed() else []
        ours = {load.target_table for load in loads if load.target_schema == plan.schema and load.staging is None}
        others = (Table(name, (), plan.schema) for name in table_names(connection, plan.schema) if name not in ours)
        return [text(relation(table)) for table in others if not is_empty(connection, table)]


def _table(load: Load) -> TableOutcome:
    return TableOutcome(
        load.source_table,
        f"{load.target_schema}.{load.target_table}",
        load.rows_read,
        load.rows_loaded,
        load.rows_rejected,
        load.rows_filtered,
        load.losses,
        load.seconds,
    )
