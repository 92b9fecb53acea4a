"""A whole migration: every table of a plan, resumable at every commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from pipeline.catalog import Notice
from pipeline.engine.plan import Plan, TableTask
from pipeline.engine.table import carry
from pipeline.errors import Interrupted, MappingError, RejectLimitExceeded, SourceChanged, TargetError
from pipeline.ledger import lock
from pipeline.ledger.changes import add_change
from pipeline.ledger.ledger import Ledger
from pipeline.load.children import unrelated_children
from pipeline.load.loader import Delivered, Loader
from pipeline.load.place import Place, discard, needs_staging, prepare, staging_name
from pipeline.load.settle import Settlement, Settler
from pipeline.load.statistics import analyze
from pipeline.load.views import build_views, check_views
from pipeline.log import get_logger
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, Target, connect, translated
from pipeline.postgres.introspect import schema_exists, table_exists
from pipeline.prefetch import prefetched
from pipeline.record import Load, Run
from pipeline.retry import resuming
from pipeline.sources.base import Source

_log = get_logger()
_GO_ON = "run the same command again: it goes on after the last committed batch"


@dataclass(frozen=True, slots=True)
class Options:
    """How a run behaves; what it does is the plan's."""

    batch_rows: int
    max_rejects: int | None = None
    """Refused rows that the user puts up with; None is any number."""
    restart: bool = False


class Observer(Protocol):
    """Is told what happens, while it happens."""

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        """`rows` is what the source claims to hold, good enough for an estimate."""

    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None: ...

    def table_ends(self, table: str) -> None: ...

    def settling(self) -> None:
        """Every row has arrived; keys, indexes and relationships are being built."""


@dataclass(slots=True)
class Migration:
    """One run of a plan against a target. `stop` is asked after each batch; true ends it resumably."""

    source: Source
    plan: Plan
    target: Target
    run: Run
    options: Options
    observer: Observer
    stop: Callable[[], bool] = lambda: False
    _batches: int = field(default=0, init=False)
    _rejects: int = field(default=0, init=False)
    _uncommitted: int = field(default=0, init=False)

    def execute(self) -> tuple[Notice, ...]:
        """Load and settle every table, reconnecting as long as there is progress.

        Returns what could not be built. Raises NaruError; what was committed stays, and the
        next run goes on from there.
        """
        return resuming(lambda: self._batches).copy(sleep=self._nap)(self._attempt)

    def _nap(self, seconds: float) -> None:
        """Wait before another try, and no longer than the user lets us."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self.stop():
            time.sleep(0.1)

    def rehearse(self, *, wait_s: int = 0) -> None:
        """Do what a run does before its first row, and take it back; raises what the run would raise.

        Waits for a lock that another holds as long as a run would (0), or at most so many seconds.
        """
        with (
            connect(self.target, application_name="naru dry run", autocommit=True) as connection,
            translated("preparing the target"),
            connection.transaction(force_rollback=True),
        ):
            connection.execute("select set_config('lock_timeout', %s, true)", [f"{wait_s}s"])
            ledger = Ledger(connection)
            ledger.install()
            ledger.begin(self.run)
            self._open(connection, ledger)

    def _attempt(self) -> tuple[Notice, ...]:
        self._uncommitted = 0
        if self.stop():
            raise Interrupted("stopped while waiting for the target", hint=_GO_ON)
        with self._session() as (connection, ledger):
            with translated("preparing the target"), connection.transaction():
                loads = self._open(connection, ledger)
            for task in self.plan.tasks:
                self._load(connection, ledger, task, loads[task.target.name])
            self.observer.settling()
            settlements = [_settlement(task, loads[task.target.name]) for task in self.plan.tasks]
            unbuilt = self._settle(connection, settlements)
            with translated("looking for relationships to the tables of the run"):
                unbuilt += tuple(unrelated_children(connection, self.plan.target.tables, {*loads}))
            if self.plan.tries_views:
                unbuilt += tuple(analyze(connection, self.plan.loaded))
            return unbuilt + build_views(connection, self.run.run_id, self.plan.target.views)

    @contextmanager
    def _session(self) -> Iterator[tuple[Connection, Ledger]]:
        """A locked connection; the run's state in the ledger follows how the block ends."""
        name = f"naru {self.run.run_id}"
        with connect(self.target, application_name=name, autocommit=True) as connection:
            with translated("preparing the ledger"):
                lock.acquire(connection, name)
                ledger = Ledger(connection)
                with connection.transaction():
                    ledger.install()
                    ledger.begin(self.run)
            try:
                yield connection, ledger
            except BaseException as error:
                stopped = isinstance(error, Interrupted | KeyboardInterrupt)
                self._finish_badly(connection, ledger, "interrupted" if stopped else "failed")
                raise
            with translated("closing the run"):
                ledger.finish(self.run.run_id, "done")

    def _finish_badly(self, connection: Connection, ledger: Ledger, state: str) -> None:
        """Record the end; what ended the run matters more than a second failure here, which is logged."""
        if connection.broken:
            return
        try:
            with translated("closing the run"):
                ledger.finish(self.run.run_id, state)
        except TargetError as error:
            _log.warning("the end of the run could not be recorded", error=error.message)

    # -- before the rows

    def _open(self, connection: Connection, ledger: Ledger) -> dict[str, Load]:
        """Know or begin the load of every table, and make what it will be written to."""
        for task in reversed(self.plan.tasks):
            earlier = ledger.load(task.target)
            if earlier and self._restarts(earlier):
                self._check_can_restart(earlier, task)
                discard(connection, earlier, task.target)
            elif earlier and _cannot_go_on(earlier):
                self._check_same(connection, earlier, task)
                discard(connection, earlier, task.target)
        check_views(connection, self.plan.target.views)
        if not schema_exists(connection, self.plan.schema):
            add_change(connection, self.run.run_id, "schema", self.plan.schema)
            connection.execute(ddl.create_schema(self.plan.schema))
        loads = {task.target.name: self._open_table(connection, ledger, task) for task in self.plan.tasks}
        self._rejects = sum(load.rows_rejected for load in loads.values())
        return loads

    def _restarts(self, earlier: Load) -> bool:
        return self.options.restart and earlier.run_id != self.run.run_id

    def _check_can_restart(self, earlier: Load, task: TableTask) -> None:
        """Merged rows are not taken back, so that appending them again would refuse every one."""
        if earlier.staging is not None and earlier.state == "done" and task.mapping.load == "append":
            raise TargetError(
                f"table {task.target.name} stood before Naru, and run {earlier.run_id} has merged its rows into it",
                hint=f"say in the mapping what becomes of them: `load: upsert` or `replace` for {task.source.name}",
            )

    def _open_table(self, connection: Connection, ledger: Ledger, task: TableTask) -> Load:
        earlier = ledger.load(task.target)
        if earlier and not self._restarts(earlier) and not _cannot_go_on(earlier):
            self._check_same(connection, earlier, task)
            return earlier
        staging = (
            staging_name(task.target) if needs_staging(connection, ledger, task.target, task.mapping.load) else None
        )
        seconds, paced_by = _expected(task, earlier, self.run)
        load = Load(
            task.target.schema or "public",
            task.target.name,
            task.source.name,
            self.run.run_id,
            self.run.fingerprint,
            task.digest,
            staging,
            planned_rows=task.source.rows,
            planned_seconds=seconds,
            planned_by=paced_by,
        )
        ledger.open_load(load)
        prepare(connection, load, task.target)
        return load

    def _check_same(self, connection: Connection, earlier: Load, task: TableTask) -> None:
        """A load goes on only with the source and the mapping that it began with."""
        name = f"{earlier.target_schema}.{earlier.target_table}"
        again = "load it again from the start with --restart"
        if earlier.fingerprint != self.run.fingerprint:
            text = f"the source has changed since run {earlier.run_id} loaded table {name}, or is read in another way"
            raise SourceChanged(text, hint=f"name its source, with its --code-page and --salvage, or {again}")
        if earlier.mapping_digest != task.digest:
            text = f"the mapping of table {task.source.name} has changed since run {earlier.run_id} loaded {name}"
            raise MappingError(
                text, hint=f"name the mapping of that run, or of the last replay of its rows, or {again}"
            )
        if not table_exists(connection, task.target):
            raise TargetError(f"table {name} was loaded by run {earlier.run_id} and is gone", hint=again)

    # -- the rows

    def _load(self, connection: Connection, ledger: Ledger, task: TableTask, load: Load) -> None:
        name = task.target.name
        self.observer.table_begins(name, task.source.rows, load.rows_read)
        if load.state == "loading":
            place = Place(task.target, load.staging)
            loader = Loader(connection, self.run.run_id, task.target, place.destination, self._admit)

            def observe(delivered: Delivered) -> None:
                self._note(task, delivered)

            after, rows = load.position, self.options.batch_rows
            carry(self.source, task, loader, after=after, batch_rows=rows, observe=observe)
            with translated(f"finishing table {name}"):
                ledger.set_state(task.target, "loaded")
        self.observer.table_ends(name)

    def _note(self, task: TableTask, delivered: Delivered) -> None:
        self._batches += 1
        self._rejects, self._uncommitted = self._rejects + self._uncommitted, 0
        self.observer.batch_committed(
            task.target.name, read=delivered.read, rejected=len(delivered.rejects), seconds=delivered.seconds
        )
        if self.stop():
            raise Interrupted(
                f"stopped while loading table {task.source.name}; every batch so far is committed",
                hint=_GO_ON,
            )

    def _admit(self, table: str, rows: int, why: str) -> None:
        """Asked before refused rows are committed to the quarantine."""
        limit = self.options.max_rejects
        self._uncommitted += rows
        if limit is not None and self._rejects + self._uncommitted > limit:
            raise RejectLimitExceeded(
                f"more than {limit} rows refused; the last step is not committed. table {table}: {why}",
                hint="correct the source or the mapping, or allow more with --max-rejects; then run again",
            )

    # -- behind the rows

    def _settle(self, connection: Connection, settlements: list[Settlement]) -> tuple[Notice, ...]:
        with prefetched(self._looked_at()) as look:  # a file is hashed, or a schema read, while keys are built

            def answered() -> None:
                next(look, None)

            if not _stand_alone(settlements):
                answered()  # nobody waits so long for the locks on a table that is in use
            try:
                return Settler(connection, self.run.run_id, settlements, self._admit, answered).settle()
            except RejectLimitExceeded:
                answered()  # rows of a source that has changed are not for the user to correct
                raise

    def _looked_at(self) -> Generator[None, None, None]:
        """Once: the rows of all tables are of one content. A file can be written to and keep its size and times."""
        if self.source.fingerprint().digest != self.run.fingerprint:
            raise SourceChanged(
                f"{self.run.source}: was written to since the run began",
                hint="close what writes to it, or work on a copy, and start with --restart",
            )
        yield


def _cannot_go_on(load: Load) -> bool:
    """Whether rows have arrived of a table whose source cannot go on behind them: its load begins again."""
    return load.state == "loading" and load.batches > 0 and load.position is None


def _expected(task: TableTask, earlier: Load | None, run: Run) -> tuple[float | None, str | None]:
    """Seconds that the rows would take at the pace of the table's earlier load, and its run; None: no such pace.

    A load that this run itself began, and begins again after a cut, keeps what was expected first.
    """
    rows = task.source.rows
    if earlier is not None and earlier.run_id == run.run_id:
        return earlier.planned_seconds, earlier.planned_by
    if rows is None or earlier is None or earlier.source_table != task.source.name or not earlier.rows_read:
        return None, None
    return rows * earlier.seconds / earlier.rows_read, earlier.run_id


def _stand_alone(settlements: Sequence[Settlement]) -> bool:
    """Whether all tables are new, and refer to none but each other: settling locks nothing that others use."""
    new = {one.target.name for one in settlements if one.fresh and not one.staged}
    parents = {key.parent for one in settlements for key in one.target.foreign_keys}
    return {one.target.name for one in settlements} | parents <= new


def _settlement(task: TableTask, load: Load) -> Settlement:
    return Settlement(task.source.name, Place(task.target, load.staging), task.mapping.load, load.state != "done")
