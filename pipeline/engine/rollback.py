"""`rollback`: what a run of `migrate` did is taken back, in one transaction, or nothing is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.engine.taking_back import Taking, taken_back, unfinished_stages
from pipeline.errors import TargetError, UsageError
from pipeline.ledger import lock
from pipeline.ledger.changes import Change, changes_of_run, changes_of_table, mark_rolled_back
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.samples import run_record
from pipeline.load.image import is_as_left
from pipeline.outcome import TakenBack
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.introspect import table_exists
from pipeline.postgres.sql import SQL, query, relation
from pipeline.record import Run, RunRecord

_LOCK_WAIT_S = 10
_RESTORE = "restore a backup, or see docs/going-back.md"


@dataclass(frozen=True, slots=True)
class Rollback:
    """Of one run, named by its id. `force` puts up with what others have written since; theirs stays where it can."""

    connection: Connection
    run_id: str
    force: bool = False

    def look(self) -> tuple[TakenBack, ...]:
        """What would be done; nothing is. Raises NaruError where the run cannot be taken back."""
        with translated("looking at what the run did"):
            lock.acquire(self.connection)
            if not Ledger(self.connection).ready():
                raise UsageError("no run has written to this target", hint="look for the target that you mean")
            self._record()
            with self.connection.transaction(force_rollback=True):
                return tuple(self._take_back())

    def execute(self, agreed: Sequence[TakenBack], run: Run) -> None:
        """Do what was agreed on; `run` is how the ledger calls it. Raises NaruError, and has then done nothing."""
        with translated("taking back the run"), self.connection.transaction():
            Ledger(self.connection).begin(run)
            done = tuple(self._take_back())
            if done != tuple(agreed):
                raise TargetError("the target has changed since it was shown", hint="run the same command again")
            mark_rolled_back(self.connection, self.run_id, run.run_id)
            Ledger(self.connection).finish(run.run_id, "done")

    def record(self) -> RunRecord:
        """The run as the ledger has it; raises UsageError where it is none that can be taken back."""
        with translated("reading the ledger"):
            return self._record()

    def _record(self) -> RunRecord:
        found = run_record(self.connection, self.run_id)
        hint = "the runs are listed by: python -m pipeline status"
        if found is None:
            raise UsageError(f"the ledger knows no run {self.run_id}", hint=hint)
        if found.command != "migrate":
            raise UsageError(f"run {self.run_id} is a {found.command}; runs of migrate alone are taken back", hint=hint)
        if found.state == "rolled back":
            raise UsageError(f"run {self.run_id} has been taken back already", hint=hint)
        return found

    def _take_back(self) -> Iterator[TakenBack]:
        """In a transaction, which the caller ends."""
        changes = changes_of_run(self.connection, self.run_id)
        self._check_known(changes)
        going = [change for change in changes if change.target_table is not None and self._stands(change)]
        self._lock(going)
        for change in going:
            self._check_alone(change)
        gone = [
            change for change in going if change.kind != "table" and not table_exists(self.connection, change.table)
        ]
        for change in gone:  # by force; what is kept may be all that is left of the table
            yield TakenBack(
                f"keep {change.rows_kept or 0:,} rows of {change.name}, which is gone, in",
                f"{change.before.schema}.{change.before.name}",
            )
        there = [change for change in going if change not in gone]
        schemas = [change for change in changes if change.target_table is None]
        yield from taken_back(Taking(self.connection, self.run_id, tuple(there), tuple(schemas), self.force))

    def _check_known(self, changes: Sequence[Change]) -> None:
        """Whether the ledger tells all that the run did, and how it was before."""
        for change in changes:
            if change.kind == "view":
                raise TargetError(
                    f"run {self.run_id} made view {change.name} anew, and how it was before is not kept",
                    hint="restore the mapping of before and run migrate again, which makes the view as it says",
                )
        kept = {(change.target_schema, change.target_table) for change in changes}
        staged = unfinished_stages(self.connection, self.run_id)
        known = kept | {(load.target_schema, load.target_table) for load in staged}
        loads = [load for load in Ledger(self.connection).loads() if load.run_id == self.run_id]
        unknown = [load.target_table for load in loads if (load.target_schema, load.target_table) not in known]
        if unknown:
            raise TargetError(
                f"run {self.run_id} was made by an earlier version, which kept nothing of what it changed:"
                f" {', '.join(unknown)} cannot be taken back",
                hint=_RESTORE,
            )
        row = self.connection.execute(query("helped_run"), {"run_id": self.run_id}).fetchone()
        if row is not None and not loads:
            raise UsageError(
                f"run {self.run_id} went on with what run {row[0]} had begun",
                hint=f"take back all of it: python -m pipeline rollback {row[0]}",
            )
        for schema, table, other in self.connection.execute(query("moved_rows"), {"run_id": self.run_id}):
            raise TargetError(
                f"run {self.run_id} moved rows of {schema}.{table}, which run {other} had loaded, to the quarantine",
                hint=f"load {table} again with migrate --restart; then this run needs no rollback, or {_RESTORE}",
            )

    def _stands(self, change: Change) -> bool:
        """False where the run's own work was undone before: by a rollback of a later run, or for a new beginning.

        Raises TargetError where it was superseded, or hides what is gone.
        """
        others = changes_of_table(self.connection, change.target_schema, change.target_table)
        for other in others:
            if other.change_id > change.change_id and not other.rolled_back and other.run_id != change.run_id:
                raise TargetError(
                    f"run {other.run_id} has written to {change.name} since",
                    hint=f"take that one back first: python -m pipeline rollback {other.run_id}",
                )
            if other.change_id > change.change_id and other.kind == "table":
                return False
            if other.change_id < change.change_id and change.kind == "table" and _is_lost(other):
                raise TargetError(
                    f"run {self.run_id} made {change.name} anew, and what run {other.run_id} had loaded is gone",
                    hint=f"drop the table yourself, or {_RESTORE}",
                )
        if change.kind != "table" and not change.imaged:
            written = any(other.change_id > change.change_id for other in others)
            why = "no longer kept: a later run has written to it" if written else "not kept: the table has rules"
            raise TargetError(f"how {change.name} was before run {self.run_id} is {why}", hint=_RESTORE)
        return True

    def _lock(self, changes: Sequence[Change]) -> None:
        """What is looked at stays so until the end: others wait, and we no longer than some seconds for them."""
        self.connection.execute(SQL("set local lock_timeout = {}").format(_LOCK_WAIT_S * 1000))
        for change in changes:
            if table_exists(self.connection, change.table):
                mode = "access exclusive" if change.kind == "table" else "share row exclusive"
                self.connection.execute(SQL("lock table {} in " + mode + " mode").format(relation(change.table)))

    def _check_alone(self, change: Change) -> None:
        """Whether the table is as the run left it."""
        if self.force:
            return
        hint = "look at it; --force takes back what the run did, and with its tables what others wrote to them"
        if change.content_after is None:
            raise TargetError(
                f"the load of {change.name} has not finished, so nothing tells whether others have written to it",
                hint=hint,
            )
        if not is_as_left(self.connection, change):
            raise TargetError(f"{change.name} has been written to since run {self.run_id}", hint=hint)


def _is_lost(earlier: Change) -> bool:
    """Whether it was a table of an earlier run, whole, which was dropped for this one."""
    return earlier.kind == "table" and not earlier.rolled_back and earlier.content_after is not None
