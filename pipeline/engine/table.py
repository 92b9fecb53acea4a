"""The rows of a run's tables: fetched, transformed and encoded ahead of those that are being sent."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager

from pipeline.batch import Batch, Position
from pipeline.engine.lookup import batches
from pipeline.engine.plan import TableTask
from pipeline.load.loader import Cargo, cargo_of
from pipeline.prefetch import prefetched
from pipeline.sources.base import Source

Way = tuple[TableTask, Position | None]
"""A table, and the place behind which its rows are read."""


@contextmanager
def under_way(source: Source, ways: Sequence[Way], *, batch_rows: int) -> Iterator[Iterator[Cargo | None]]:
    """The cargoes of one table after another, with None behind those of each; `source` is read until the block ends.

    What reading raises comes when the cargo is due.
    """
    # Two threads beside this one: a driver fetches while rows are transformed, and both while others are sent, those of
    # the table before among them.
    with (
        prefetched(_read(source, ways, batch_rows)) as found,
        prefetched(_packed(found)) as cargoes,
    ):
        yield cargoes


def _read(
    source: Source, ways: Sequence[Way], batch_rows: int
) -> Generator[tuple[TableTask, Batch | None], None, None]:
    for task, after in ways:
        for batch in batches(source, task, after=after, batch_rows=batch_rows):
            yield task, batch
        yield task, None


def _packed(found: Iterable[tuple[TableTask, Batch | None]]) -> Generator[Cargo | None, None, None]:
    for task, batch in found:
        yield None if batch is None else cargo_of(task.target, task.chain.apply(batch))
