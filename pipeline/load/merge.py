"""From a staging table into a table that stood before: append, replace or upsert, in source order.

Rows that are replaced go before any table is merged, children first (`clear`), so that parents find
nothing that names their old rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from pipeline.load.children import spare_children
from pipeline.load.image import Image
from pipeline.load.place import ORDINAL, Place
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy import RowsRefused
from pipeline.postgres.records import count_rows, one
from pipeline.postgres.savepoint import attempt
from pipeline.postgres.sql import SQL, Composed, Identifier, Literal, columns, pairs, relation


@dataclass(frozen=True, slots=True)
class Merged:
    """`before` rows of others stood in the target, of which `updated` were overwritten."""

    before: int
    updated: int


def clear(connection: Connection, place: Place, replaced: Collection[str]) -> None:
    """Delete the rows of a table that is replaced, as are all tables of `replaced`; raises TargetError."""
    spare_children(connection, place.target, "is to be replaced", going=replaced)
    connection.execute(SQL("delete from {}").format(relation(place.target)))


def merge(connection: Connection, image: Image, load_mode: str) -> Merged:
    """Insert the staged rows, note in the image which they are, drop the staging table; in the caller's transaction.

    Raises RowsRefused where PostgreSQL refuses any of them, and has then done nothing.
    """
    place = image.place
    target = relation(place.target)
    before = count_rows(connection, target)
    updated = 0
    if load_mode == "upsert":
        key = place.target.primary_key
        same = SQL("select count(*) from {} t join {} s on {}").format(
            target, place.destination, pairs("t", key, "s", key)
        )
        (updated,) = one(connection, same)
    attempt(connection, image.adding(_insert(place, load_mode)))
    image.finish(connection)
    connection.execute(SQL("drop table {}").format(place.destination))
    return Merged(before, updated)


def refused_rows(connection: Connection, place: Place, load_mode: str) -> Iterator[tuple[int, RowsRefused]]:
    """Locators of the staged rows that PostgreSQL refuses, in source order; it has then inserted the others.

    k bad rows of n cost O(k log n) inserts.
    """
    ordinal = Identifier(ORDINAL)
    connection.execute(SQL("create index on {} ({})").format(place.destination, ordinal))
    bounds = SQL("select min({0}), max({0}) from {1}").format(ordinal, place.destination)
    ranges = [one(connection, bounds)]
    while ranges:
        first, last = ranges.pop()
        try:
            attempt(connection, _insert(place, load_mode, (first, last)))
        except RowsRefused as refusal:
            middle = (first + last) // 2
            if first == last:
                yield first, refusal
            else:
                ranges += [(middle + 1, last), (first, middle)]


def _insert(place: Place, load_mode: str, only: tuple[int, int] | None = None) -> Composed:
    """Of every staged row, or of those from one locator to another."""
    ordinal = Identifier(ORDINAL)
    within = SQL(" where {} between {} and {}").format(ordinal, *map(Literal, only)) if only else SQL("")
    names = columns(place.target.written_names)
    insert = SQL("insert into {} ({}) overriding system value select {} from {}{} order by {}").format(
        relation(place.target), names, names, place.destination, within, ordinal
    )
    return insert + _on_conflict(place) if load_mode == "upsert" else insert


def _on_conflict(place: Place) -> Composed:
    key = place.target.primary_key
    rest = [name for name in place.target.written_names if name not in key]
    if not rest:
        return SQL(" on conflict ({}) do nothing").format(columns(key))
    changes = SQL(", ").join(SQL("{0} = excluded.{0}").format(Identifier(name)) for name in rest)
    return SQL(" on conflict ({}) do update set {}").format(columns(key), changes)
