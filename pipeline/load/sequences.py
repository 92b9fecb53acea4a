"""Identity columns: the next number follows every number in use."""

from __future__ import annotations

from pipeline.catalog import Column, Table
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import Identifier, Literal, query, relation, text


def set_sequences(connection: Connection, target: Table) -> None:
    """Move each sequence past the highest number that arrived, and past the source's own next one."""
    for column in target.columns:
        if column.identity:
            _set_sequence(connection, target, column)


def _set_sequence(connection: Connection, target: Table, column: Column) -> None:
    assert column.identity is not None
    last = None if column.identity.next_value is None else column.identity.next_value - 1
    table = relation(target)
    statement = query("set_sequence").format(
        column=Identifier(column.name),
        table=table,
        relation=Literal(text(table)),
        name=Literal(column.name),
        last=Literal(last),
    )
    connection.execute(statement)
