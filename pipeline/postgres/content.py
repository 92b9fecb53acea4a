"""What a table holds, as one short text: to tell later, in the same database, whether it still does.

The server hashes where the rows are, in a quarter of the time that `digest` takes (0.22 s of 0.9, 500,000 rows of ten
columns): rollback asks while others wait for the table. These hashes are the server's own, of 64 bits, and its next
major version may make others, so nothing outside the ledger holds them. What is compared with a source, or kept in a
proof or in a backup's manifest, is of `digest`.
"""

from __future__ import annotations

from pipeline.catalog import Column, Table
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, Composed, Identifier, relation

_HASHED_AS_THEY_ARE = {
    "smallint": "hashint2extended",
    "integer": "hashint4extended",
    "bigint": "hashint8extended",
    "timestamp": "timestamp_hash_extended",
    "uuid": "uuid_hash_extended",
}
"""Types of which equal values are the same bits. To print them as well takes half as long again (600,000 rows)."""


def content(connection: Connection, table: Table) -> str | None:
    """Count of the rows and sum of their 64-bit hashes, whatever their order; None where there is no such table.

    Computed by the server from what it prints of each value, so that -0.0 is not 0.0 and 1.0 is not 1.00. The session's
    settings that decide what is printed are pinned by `connect`.
    """
    found = read_table(connection, table)
    if found is None:
        return None
    # The hash of an array is a sum of those of its elements: without the outer one, values could change rows unseen.
    statement = SQL(
        "select count(*), coalesce(sum(hashint8extended(hash_array_extended(array[{}]::bigint[], 0), 0)), 0) from {} t"
    )
    values = SQL(", ").join(map(_hashed, found.columns))
    rows, total = one(connection, statement.format(values, relation(table)))
    return f"{rows} rows, {list(found.column_names)}, {total}"


def imprint(connection: Connection, table: Table, writers: Composed | None = None) -> str | None:
    """By which transactions the rows of a table were written, and how many by each; None where there is no such table.

    Whoever writes to it since changes that, and so does restoring it elsewhere. The table is read, in 0.09 s where
    `content` takes 0.22, and a plain count 0.05 (500,000 rows of ten columns), unless `writers` says what is in it: a
    query for transactions and numbers of rows.
    """
    found = read_table(connection, table)
    if found is None:
        return None
    statement = SQL(
        """select coalesce(sum(rows), 0)::bigint, md5(string_agg(writer || ' ' || rows, ',' order by writer))
        from (select xmin::text, rows from ({}) x (xmin, rows)) w (writer, rows)"""
    )
    read = SQL("select xmin, count(*) from {} group by xmin").format(relation(table))
    rows, digest = one(connection, statement.format(writers or read))
    return f"{rows} rows, {list(found.column_names)}, written by {digest}"


def _hashed(column: Column) -> Composed:
    """Of each value its own hash, so that no row becomes a text of more than 1 GB; printed, bytes are twice as long."""
    value = SQL("t.{}").format(Identifier(column.name))
    if column.type.name in _HASHED_AS_THEY_ARE:
        return SQL(_HASHED_AS_THEY_ARE[column.type.name] + "({}, 0)").format(value)
    if column.type.name == "bytea":
        return SQL("hashtextextended(sha256({})::text, 0)").format(value)
    # By the bytes of the text: a collation may hold two texts to be one.
    return SQL('hashtextextended({}::text collate "C", 0)').format(value)
