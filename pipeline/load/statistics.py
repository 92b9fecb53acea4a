"""What PostgreSQL's planner has to know of the tables: gathered while they are verified, on a connection of its own."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from pipeline.catalog import Notice, Table
from pipeline.errors import TargetError
from pipeline.postgres.connect import Target, connect, translated
from pipeline.postgres.sql import SQL, relation
from pipeline.prefetch import pause


def gather_statistics(
    target: Target, tables: Sequence[Table], *, application_name: str
) -> Generator[Notice, None, None]:
    """ANALYZE the tables one after another; yields why it came to an end before the last of them, and raises nothing.

    The rows are as safe without, and autovacuum gathers statistics later. To it is also left, without a word, a table
    that somebody has locked, which may be for hours.
    """
    try:
        with connect(target, application_name=application_name, autocommit=True) as connection:
            for table in tables:
                pause()
                with translated(f"gathering statistics of table {table.name}"):
                    connection.execute(SQL("analyze (skip_locked) {}").format(relation(table)))
    except TargetError as error:
        yield Notice(None, None, f"{error.message}; queries may be slow until autovacuum has gathered them")
