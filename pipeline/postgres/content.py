"""What a table holds, as one short text: to tell later whether it still does."""

from __future__ import annotations

from pipeline.catalog import Table
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, Composed, Identifier, relation


def content(connection: Connection, table: Table) -> str | None:
    """Count of the rows and sum of their 64-bit hashes, whatever their order; None where there is no such table.

    Computed by the server from what it prints of each value, so that -0.0 is not 0.0 and 1.0 is not 1.00. The session's
    settings that decide what is printed are pinned by `connect`.
    """
    found = read_table(connection, table)
    if found is None:
        return None
    values = SQL(", ").join(map(_hashed, ((column.name, column.type.name) for column in found.columns)))
    statement = SQL("select count(*), coalesce(sum(hashtextextended(row({})::text, 0)), 0) from {} t")
    rows, total = one(connection, statement.format(values, relation(table)))
    return f"{rows} rows, {'|'.join(c.name for c in found.columns)!r}, {total}"


def _hashed(column: tuple[str, str]) -> Composed:
    """Of each value its hash, so that no row becomes a text of more than 1 GB; printed, bytes are twice as long."""
    name, kind = column
    value = SQL("t.{}").format(Identifier(name))
    if kind == "bytea":
        return SQL("sha256({})").format(value)
    # By the bytes of the text: a collation may hold two texts to be one.
    return SQL('hashtextextended({}::text collate "C", 0)').format(value)
