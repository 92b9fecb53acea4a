"""From a staging table into a table that stood before: append, replace or upsert, in source order.

Rows that are replaced go before any table is merged, children first (`clear`), so that parents find
nothing that names their old rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from pipeline.load.children import spare_children
from pipeline.load.place import ORDINAL, Place
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, Composed, Identifier, columns, pairs, relation


@dataclass(frozen=True, slots=True)
class Merged:
    """`before` rows of others stood in the target, of which `updated` were overwritten."""

    before: int
    updated: int


def clear(connection: Connection, place: Place, replaced: Collection[str]) -> None:
    """Delete the rows of a table that is replaced, as are all tables of `replaced`; raises TargetError."""
    spare_children(connection, place.target, "is to be replaced", going=replaced)
    connection.execute(SQL("delete from {}").format(relation(place.target)))


def merge(connection: Connection, place: Place, load_mode: str) -> Merged:
    """Insert the staged rows and drop the staging table; in the caller's transaction."""
    target = relation(place.target)
    before = _count(connection, SQL("select count(*) from {}").format(target))
    updated = 0
    if load_mode == "upsert":
        key = place.target.primary_key
        same = SQL("select count(*) from {} t join {} s on {}").format(
            target, place.destination, pairs("t", key, "s", key)
        )
        updated = _count(connection, same)
    names = columns(place.target.column_names)
    insert = SQL("insert into {} ({}) overriding system value select {} from {} order by {}").format(
        target, names, names, place.destination, Identifier(ORDINAL)
    )
    connection.execute(insert + _on_conflict(place) if load_mode == "upsert" else insert)
    connection.execute(SQL("drop table {}").format(place.destination))
    return Merged(before, updated)


def _on_conflict(place: Place) -> Composed:
    key = place.target.primary_key
    rest = [name for name in place.target.column_names if name not in key]
    if not rest:
        return SQL(" on conflict ({}) do nothing").format(columns(key))
    changes = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in rest)
    return SQL(" on conflict ({}) do update set {}").format(columns(key), changes)


def _count(connection: Connection, statement: Composed) -> int:
    row = connection.execute(statement).fetchone()
    assert row is not None, "count(*) has one row"
    return int(row[0])
