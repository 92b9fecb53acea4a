"""`verify --repair`: the rows that differ become what the source has, in one transaction, or nothing does."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from pipeline.catalog import Table
from pipeline.engine.plan import Plan, TableTask
from pipeline.engine.saved import file_name, saved
from pipeline.engine.summary import content_of, keep_findings, verified_plan
from pipeline.errors import MappingError, SourceChanged, TargetError
from pipeline.ledger import lock
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import add_losses, forget_losses
from pipeline.load.place import check_columns
from pipeline.load.rewrite import Rewrite, Staging, rewrite
from pipeline.load.sequences import set_sequences
from pipeline.outcome import Finding, Level, ProofFile, Repaired
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.copy import RowsRefused
from pipeline.postgres.introspect import read_table
from pipeline.record import Load, Run
from pipeline.sources.base import Source
from pipeline.verify.amendment import Found, amendments, find
from pipeline.verify.sides import Sides
from pipeline.verify.verify import Verified, verify_here
from pipeline.verify.wording import EXTRA

_AGAIN = "load the table again with: python -m pipeline migrate --restart"

Agree = Callable[[Sequence[Repaired]], None]
"""Is told what would be done, table by table, and stops it by raising."""
Prove = Callable[[Verified], ProofFile | None]
"""Is told what verification finds then, and writes the proof of it."""


def differing_tables(findings: Collection[Finding]) -> set[str]:
    """Tables of the target whose content is not the source's."""
    return {finding.table for finding in findings if finding.verifier == "content" and not finding.allowed}


@dataclass(frozen=True, slots=True)
class Repair:
    """One run that repairs `tables` of a plan; `directory` gets a file for each, of what its rows were before."""

    connection: Connection
    plan: Plan
    source: Source
    run: Run
    tables: Collection[str]
    directory: Path
    agree: Agree
    prove: Prove = lambda _: None

    def execute(self) -> tuple[tuple[Finding, ...], ProofFile | None]:
        """What was done and what verification finds then, as the ledger keeps it, and the proof of it.

        Raises NaruError, and has then done nothing.
        """
        with translated("preparing the repair"):
            lock.acquire(self.connection)
            ledger = Ledger(self.connection)
            ledger.ready()
        # All of it sees one moment of the target, and a row that others change meanwhile is refused to us.
        with translated("repairing"), self.connection.transaction():
            self.connection.execute("set transaction isolation level repeatable read")
            ledger.begin(self.run)
            done = self._repair(ledger)
            ledger.finish(self.run.run_id, "done")
        return done

    def _repair(self, ledger: Ledger) -> tuple[tuple[Finding, ...], ProofFile | None]:
        loads = self._checked(ledger)
        shared = {task.target.name for task, load in loads if _is_shared(task, load)}
        staged = [self._stage(number, task, load) for number, (task, load) in enumerate(loads)]
        planned = [self._told(one) for one in staged]
        self.agree([one for one in planned if one.rows])
        with saved(self.directory, staged):
            rewrite(self.connection, staged)
            for one in staged:
                one.staging.drop()
                if one.inserted:
                    set_sequences(self.connection, one.target)
            verified = self._verified(planned, shared)
            return verified.findings, self._keep(verified)

    # -- before

    def _checked(self, ledger: Ledger) -> list[tuple[TableTask, Load]]:
        """The tasks of the tables, with their loads; raises NaruError where a source or mapping is not theirs."""
        found = []
        for task in self.plan.tasks:
            load = ledger.load(task.target)
            if task.target.name in self.tables and load is not None:
                self._check_same(task, load)
                check_columns(self.connection, task.target)
                if _is_shared(task, load):
                    _check_told_apart(read_table(self.connection, task.target), task.target)
                found.append((task, load))
        return found

    def _check_same(self, task: TableTask, load: Load) -> None:
        if load.fingerprint != self.run.fingerprint:
            text = f"the source has changed since run {load.run_id} loaded table {task.target.name}"
            raise SourceChanged(f"{text}, or is read in another way", hint=f"name its source, or {_AGAIN}")
        if load.mapping_digest != task.digest:
            text = f"the mapping of table {task.source.name} has changed since run {load.run_id} loaded it"
            raise MappingError(
                text, hint=f"name the mapping of that run, or of the last replay of its rows, or {_AGAIN}"
            )

    # -- the rows

    def _stage(self, number: int, task: TableTask, load: Load) -> Rewrite:
        sides = Sides(self.connection, task.target, content_of(self.source, task), load.position is not None)
        staging = Staging(self.connection, task.target, number)
        staging.make()
        wanted: list[pl.Series] = []
        changed: set[str] = set()
        rewritten = inserted = deleted = 0
        for part in amendments(sides, shared=_is_shared(task, load)):
            staging.stand(part.standing)
            wanted.append(part.wanted)
            changed |= part.changed
            rewritten += part.rewritten
            inserted += part.inserted
            deleted += part.deleted
        if rewritten or inserted:
            for found in find(sides, pl.concat(wanted)):
                self._want(staging, found, ordered=load.position is not None)
        ordered = [name for name in task.target.written_names if name in changed]
        return Rewrite(staging, ordered, rewritten, inserted, deleted)

    def _want(self, staging: Staging, found: Found, *, ordered: bool) -> None:
        """Their losses are said anew; not where locators tell no row, for then the load's own are all there are."""
        try:
            staging.want(found.frame, found.numbers)
        except RowsRefused as refusal:
            raise TargetError(f"table {staging.target.name}: {refusal}", hint=_AGAIN) from refusal
        if ordered:
            forget_losses(self.connection, staging.target, found.locators.to_list())
            add_losses(self.connection, self.run.run_id, staging.target, found.losses)

    def _told(self, one: Rewrite) -> Repaired:
        path = self.directory / file_name(one.target)
        return Repaired(one.target.name, one.rewritten, one.inserted, one.deleted, str(path))

    # -- after

    def _verified(self, done: Sequence[Repaired], shared: Collection[str]) -> Verified:
        """What is found in the target as it would be committed; raises TargetError where rows differ still."""
        if self.source.fingerprint().digest != self.run.fingerprint:
            text = f"{self.run.source}: was written to since the repair began; nothing was done"
            raise SourceChanged(text, hint="close what writes to it, or work on a copy")
        verified = verified_plan(self.connection, self.plan, self.source, Level.CONTENT, verify_here)
        for finding in verified.findings:
            if finding.verifier == "content" and not (finding.table in shared and finding.subject == EXTRA):
                raise TargetError(
                    f"table {finding.table} still differs when it is repaired, {finding.subject}: {finding.detail};"
                    " nothing was done",
                    hint="look for triggers that change what is written, and for what else writes to that table",
                )
        return replace(verified, findings=(*(_note(one) for one in done if one.rows), *verified.findings))

    def _keep(self, verified: Verified) -> ProofFile | None:
        proof = self.prove(verified)
        keep_findings(
            self.connection, self.plan, self.run, verified.findings, seconds=0, level=verified.level, proof=proof
        )
        return proof


def _note(one: Repaired) -> Finding:
    return Finding("repair", one.table, "repaired", one.rows, f"{one}; as they were: {one.saved}", allowed=True)


def _is_shared(task: TableTask, load: Load) -> bool:
    """Whether others may have rows in the table: it stood before Naru, which did not clear it."""
    return load.staging is not None and task.mapping.load != "replace"


def _check_told_apart(found: Table | None, wanted: Table) -> None:
    """Among rows of others, ours are known by a key that PostgreSQL keeps."""
    key = {*wanted.primary_key}
    if found and not any(key and {*index.columns} <= key for index in found.indexes if index.tells_apart):
        raise TargetError(
            f"table {wanted.name} holds rows of others, and no key tells which of them are the source's",
            hint="add a key on the columns that are `primary_key` in the mapping, or correct the rows by hand",
        )
