"""What PostgreSQL's planner has to know of the tables: gathered while they are verified, or before views are tried."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence

from pipeline.catalog import Notice, Table
from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, Target, connect, translated
from pipeline.postgres.sql import SQL, relation
from pipeline.prefetch import pause


def gather_statistics(
    target: Target, tables: Sequence[Table], *, application_name: str
) -> Generator[Notice, None, None]:
    """As `analyze`, on a connection of its own; raises nothing, for the rows are as safe without."""
    if not tables:
        return
    try:
        with connect(target, application_name=application_name, autocommit=True) as connection:
            yield from analyze(connection, tables)
    except TargetError as error:
        yield _without(error)


def analyze(connection: Connection, tables: Sequence[Table]) -> Iterator[Notice]:
    """Gather statistics of one table after another; yields what was in the way of it at any of them.

    Autovacuum gathers them later. To it is also left, without a word, a table that somebody has locked, which may be
    for hours. Raises TargetUnavailable where the connection is lost.
    """
    for table in tables:
        pause()
        try:
            with translated(f"gathering statistics of table {table.name}"):
                connection.execute(SQL("analyze (skip_locked) {}").format(relation(table)))
        except TargetError as error:
            if connection.broken:
                raise
            yield _without(error)


def _without(error: TargetError) -> Notice:
    return Notice(None, None, f"{error.message}; queries may be slow until autovacuum has gathered them")
