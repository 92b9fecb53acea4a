"""Rows of other tables that PostgreSQL would delete or change along with rows that we take out."""

from __future__ import annotations

from collections.abc import Collection

from pipeline.catalog import Table
from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import is_empty
from pipeline.postgres.sql import query, relation, text


def spare_children(connection: Connection, table: Table, why: str, *, going: Collection[str] = ()) -> None:
    """Raise TargetError where a foreign key would hand a delete on to rows of a table that is not `going` too."""
    name = {"relation": text(relation(table))}
    for key, schema, child in connection.execute(query("reacting_children"), name).fetchall():
        spared = schema != table.schema or child not in going
        if spared and not is_empty(connection, Table(child, (), schema)):
            raise TargetError(
                f"table {table.name} {why}, and by foreign key {key} rows of {child} would go or change with it",
                hint=f"migrate {child} in the same run, or drop that foreign key first",
            )
