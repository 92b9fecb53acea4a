"""The way out of the quarantine: refused rows go the same way again, one by one.

A row that was refused before it arrived goes through the chain as the mapping is now; one that
broke a constraint is inserted as it had arrived. A row that is refused again stays.
"""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from pipeline.batch import Batch, Defect, Position, Unreadable
from pipeline.engine.plan import Plan, TableTask
from pipeline.errors import TargetError
from pipeline.ledger import lock
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import add_losses
from pipeline.load.place import check_columns
from pipeline.load.sequences import set_sequences
from pipeline.outcome import Reject, Stage
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.copy import RowsRefused, copy_in, insert_json
from pipeline.postgres.sql import relation
from pipeline.postgres.wire import CopyEncoder
from pipeline.record import StoredReject

_ROWS_AT_ONCE = 200
_WITHOUT_VALUES = (Unreadable.TABLE, Unreadable.PAGE, Unreadable.ROW)


def replay(connection: Connection, plan: Plan) -> tuple[int, int]:
    """Rows replayed and rows that stay; a few hundred commit together.

    Raises TargetError, also where no table was loaded, and LockedError while a run or another replay is under way.
    """
    with translated("preparing the replay"):
        lock.acquire(connection)
        ledger = Ledger(connection)
        loads = [ledger.load(task.target) for task in plan.tasks] if ledger.ready() else []
    if not any(loads):
        hint = "give the mapping of the migration with --mapping"
        raise TargetError("no table of this mapping has been loaded, so none has refused rows", hint=hint)
    for load in loads:
        if load and load.state != "done":
            raise TargetError(
                f"the load of table {load.target_table} has not finished",
                hint="finish it first: run migrate again, then replay",
            )
    counts = [_replay_table(connection, ledger, task) for task, load in zip(plan.tasks, loads, strict=False) if load]
    return sum(replayed for replayed, _ in counts), sum(staying for _, staying in counts)


def lost_places(connection: Connection, plan: Plan) -> int:
    """How many places of the plan's tables wait without values, so that nothing of them can be replayed."""
    tables = {(task.target.schema, task.target.name) for task in plan.tasks}
    with translated("reading the quarantine"):
        waiting = Ledger(connection).reject_summary()
    ours = (row for row in waiting if (row.target_schema, row.target_table) in tables)
    return sum(row.count for row in ours if row.reason in _WITHOUT_VALUES)


def _replay_table(connection: Connection, ledger: Ledger, task: TableTask) -> tuple[int, int]:
    replayed = staying = last = 0
    with translated(f"replaying rows of table {task.target.name}"):
        while True:
            with connection.transaction():
                target = {"schema": task.target.schema, "table": task.target.name}
                waiting = list(ledger.rejects(**target, after=last, limit=_ROWS_AT_ONCE))
                if waiting and not last:
                    check_columns(connection, task.target)
                done = [stored for stored in waiting if _again(connection, task, stored)]
                ledger.mark_replayed(task.target, [stored.reject_id for stored in done], task.digest)
                set_sequences(connection, task.target)
            if not waiting:
                return replayed, staying
            last = waiting[-1].reject_id
            replayed += len(done)
            staying += len(waiting) - len(done)


def _again(connection: Connection, task: TableTask, stored: StoredReject) -> bool:
    try:
        with connection.transaction():
            if stored.reject.stage is Stage.CONSTRAINT:
                return insert_json(connection, task.target, stored.raw_values)
            return _through_chain(connection, task, stored.run_id, stored.reject)
    except RowsRefused:
        return False


def _through_chain(connection: Connection, task: TableTask, run_id: str, reject: Reject) -> bool:
    dtypes = task.chain.source_dtypes
    if not dtypes.keys() <= reject.values.keys():
        return False  # the mapping reads a column that the quarantine did not keep
    defects = [replace(value, row=0) for value in reject.values.values() if isinstance(value, Defect)]
    values = {name: [None if isinstance(value, Defect) else value] for name, value in reject.values.items()}
    try:
        frame = pl.DataFrame({name: values[name] for name in dtypes}, schema=dtypes)
    except TypeError:
        return False  # the mapping nests, or no longer nests, a column that the quarantine kept the other way
    locators = pl.Series([reject.locator], dtype=pl.Int64)
    made = task.chain.apply(Batch(frame, locators, Position(None), tuple(defects)))
    if made.frame.height == 0:
        return False
    encoder = CopyEncoder(task.target)
    copy_in(connection, relation(task.target), encoder, encoder.encode(made.frame))
    add_losses(connection, run_id, task.target, made.losses)
    return True
