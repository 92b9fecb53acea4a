"""Which views Naru made, and how they stood when it had."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.catalog import Table, View
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import relation_kind


@dataclass(frozen=True, slots=True)
class MadeView:
    sql: str
    """What was asked for."""
    definition: str
    """What PostgreSQL said of it then."""


def made_view(connection: Connection, view: Table) -> MadeView | None:
    """The record of the view of that schema and name; None where Naru made none."""
    if relation_kind(connection, Table("view", (), "_naru")) is None:
        return None  # a ledger of before there were views, or none
    statement = "select sql, definition from _naru.view where (target_schema, target_view) = (%s, %s)"
    row = connection.execute(statement, [view.schema, view.name]).fetchone()
    return None if row is None else MadeView(*row)


def record_view(connection: Connection, run_id: str, view: View, definition: str) -> None:
    connection.execute(
        """insert into _naru.view (target_schema, target_view, source_query, run_id, sql, definition)
        values (%s, %s, %s, %s, %s, %s)""",
        [view.schema, view.name, view.query, run_id, view.sql, definition],
    )


def forget_view(connection: Connection, view: Table) -> None:
    connection.execute("delete from _naru.view where (target_schema, target_view) = (%s, %s)", [view.schema, view.name])
