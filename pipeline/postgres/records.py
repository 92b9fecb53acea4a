"""What a query returns, as values: its rows by name, or its only row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from psycopg.rows import TupleRow, class_row

from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, Composable, Composed

T = TypeVar("T")


def records(
    connection: Connection,
    kind: type[T],
    statement: SQL | Composed,
    parameters: Sequence[object] | Mapping[str, object] = (),
) -> list[T]:
    """Every row as a `kind`, whose fields are the columns' names."""
    with connection.cursor(row_factory=class_row(kind)) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def one(
    connection: Connection,
    statement: SQL | Composed,
    parameters: Sequence[object] | Mapping[str, object] | None = None,
) -> TupleRow:
    """The row of a query that always has exactly one, as a count has."""
    (row,) = connection.execute(statement, parameters).fetchall()
    return row


def count_rows(connection: Connection, relation: Composable) -> int:
    """How many rows a table has, and those that inherit from it."""
    (count,) = one(connection, SQL("select count(*) from {}").format(relation))
    return int(count)
