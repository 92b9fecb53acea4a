"""The walk of one table, from its source into the target."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.batch import Position
from pipeline.engine.lookup import batches
from pipeline.engine.plan import TableTask
from pipeline.load.loader import Delivered, Loader
from pipeline.prefetch import prefetched
from pipeline.sources.base import Source


def carry(
    source: Source,
    task: TableTask,
    loader: Loader,
    *,
    after: Position | None,
    batch_rows: int,
    observe: Callable[[Delivered], None],
) -> None:
    """Carry the rows after a position; rows, rejects, losses and position of a batch commit together.

    `observe` is told of each committed batch, and may stop the walk by raising.
    """
    # Two threads beside this one: a driver fetches while rows are transformed, and both while others are sent.
    with (
        prefetched(batches(source, task, after=after, batch_rows=batch_rows)) as found,
        prefetched(loader.encode(task.chain.apply(batch)) for batch in found) as cargoes,
    ):
        for cargo in cargoes:
            observe(loader.load(cargo))
