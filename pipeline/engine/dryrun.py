"""A run that writes nothing: the real source, the real chain, and a target that is thrown away."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, replace

from pipeline.engine.lookup import batches
from pipeline.engine.plan import Plan, TableTask
from pipeline.outcome import Reject
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.copy import RowsRefused, copy_in
from pipeline.postgres.sql import SQL, Identifier
from pipeline.postgres.wire import CopyEncoder
from pipeline.sources.base import Source
from pipeline.transform.chain import Transformed


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a real run of one table would come to, from a full read of it."""

    source: str
    target: str
    rows: int
    filtered: int
    rejects: tuple[tuple[str, int, Reject], ...]
    """Reason, how many, and the first of them. Keys and relationships are checked after a load only."""
    losses: int
    seconds: float
    """Of loading, with keys; without relationships and verification."""
    sample_rows: int
    """Those that were written to this target to time it; 0 where none was, as where PostgreSQL refused them."""

    @property
    def rejected(self) -> int:
        return sum(count for _, count, _ in self.rejects)


def forecast(source: Source, plan: Plan, connection: Connection, batch_rows: int) -> tuple[Forecast, ...]:
    """Read everything, transform everything, and time a sample of writing to this target."""
    return tuple(_forecast_table(source, task, connection, batch_rows) for task in plan.tasks)


def _forecast_table(source: Source, task: TableTask, connection: Connection, batch_rows: int) -> Forecast:
    reasons: Counter[str] = Counter()
    first: dict[str, Reject] = {}
    rows = filtered = losses = 0
    sample: Transformed | None = None
    started = time.perf_counter()
    for batch in batches(source, task, batch_rows=batch_rows):
        made = task.chain.apply(batch)
        if sample is None and made.frame.height:
            sample = made
        rows += made.read
        filtered += made.filtered
        losses += sum(map(len, made.losses))
        for reject in made.rejects:
            reasons[reject.reason] += 1
            first.setdefault(reject.reason, reject)
    reading = time.perf_counter() - started
    writing = _time_writing(connection, task, sample, rows) if sample else None
    written = sample.frame.height if sample and writing is not None else 0
    rejects = tuple((reason, count, first[reason]) for reason, count in reasons.most_common())
    # Reading and writing overlap in a real run; building keys does not, and is in the sample.
    seconds = max(reading, writing or 0)
    return Forecast(task.source.name, task.target.name, rows, filtered, rejects, losses, seconds, written)


def _time_writing(connection: Connection, task: TableTask, sample: Transformed, rows: int) -> float | None:
    """Seconds that writing all rows and their keys would take, from one batch into a table that is rolled back.

    None where PostgreSQL refuses the batch.
    """
    scratch = replace(task.target, name="naru_sample", schema="pg_temp")
    encoder = CopyEncoder(task.target)
    started = time.perf_counter()
    with translated(f"timing a sample of table {task.target.name}"), connection.transaction(force_rollback=True):
        connection.execute(ddl.create_bare(scratch))
        try:
            payload = encoder.encode(sample.frame)
            copy_in(connection, Identifier("pg_temp", scratch.name), encoder, payload)
        except RowsRefused:  # the sample's time is an estimate; its refusal is the real run's to report
            return None
        for index in scratch.indexes:
            names = SQL(", ").join(map(Identifier, index.columns))
            connection.execute(SQL("create index on {} ({})").format(Identifier("pg_temp", scratch.name), names))
    elapsed = time.perf_counter() - started
    return elapsed * rows / sample.frame.height
