"""What a mapping states in PostgreSQL's own words, to be compared with what stands: one meaning may be written twice.

PostgreSQL is asked by a temporary table or view that is taken back at once, so never in a read-only transaction.
"""

from __future__ import annotations

from dataclasses import replace

from pipeline.catalog import Column, Table, View
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table, view_definition
from pipeline.postgres.savepoint import refused

_PROBE = "_naru_probe"
_TIMEOUT_S = 60


def worded(connection: Connection, table: Table) -> Table | str:
    """The table's columns, partial indexes and checks as PostgreSQL would tell them, or why it does not take them."""
    columns = tuple(Column(c.name, c.type, default=c.default, generated=c.generated) for c in table.columns)
    partial = tuple(index for index in table.indexes if index.partial)
    probe = Table(_PROBE, columns, "pg_temp", partial, checks=table.checks)
    with connection.transaction(force_rollback=True):
        statements = (ddl.create_complete(probe), *ddl.plain_indexes(probe))
        reason = refused(connection, statements, timeout_s=_TIMEOUT_S)
        found = None if reason else read_table(connection, probe)
    return reason or replace(found or probe, name=table.name, schema=table.schema)


def worded_view(connection: Connection, view: View) -> str | None:
    """What PostgreSQL would say of the view; None where it does not take it."""
    probe = View(_PROBE, view.query, view.sql, "pg_temp", view.relations)
    with connection.transaction(force_rollback=True):
        if refused(connection, (ddl.create_view(probe),), timeout_s=_TIMEOUT_S) is not None:
            return None
        return view_definition(connection, ddl.as_relation(probe))
