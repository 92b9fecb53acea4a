"""Relationships that standing tables hold on each other in a circle: checked once all of their rows are in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from pipeline.catalog import Table
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection


@contextmanager
def deferred(connection: Connection, keys: Sequence[tuple[Table, str]]) -> Iterator[None]:
    """Check foreign keys, given by table and name, at the end of the block, and each statement again after it.

    Inside a transaction: it takes back what the block's failure leaves.
    """
    for table, name in keys:
        connection.execute(ddl.defer_foreign_key(table, name, deferred=True))
    yield
    if keys:  # no table is altered while checks of its rows are pending
        connection.execute("set constraints all immediate")
    for table, name in keys:
        connection.execute(ddl.defer_foreign_key(table, name, deferred=False))
