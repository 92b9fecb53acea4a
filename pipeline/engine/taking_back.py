"""The steps of a rollback: views, tables that were made, rows that were merged, schemas; each tells what it did."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.catalog import Table
from pipeline.errors import TargetError
from pipeline.ledger.changes import Change, drop_images
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.samples import replayed_counts
from pipeline.load.deferral import deferred
from pipeline.load.image import added_rows, bring_back_kept, take_back_added
from pipeline.load.place import STAGING_SCHEMA
from pipeline.load.views import release, take_down_view
from pipeline.outcome import TakenBack
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.content import content
from pipeline.postgres.copy import RowsRefused
from pipeline.postgres.introspect import (
    dependent_views,
    immediate_keys,
    reacting_keys,
    read_table,
    referring_keys,
    relation_kind,
    table_exists,
)
from pipeline.postgres.records import count_rows, one
from pipeline.postgres.savepoint import attempted
from pipeline.postgres.sql import SQL, Identifier, pairs, query, relation
from pipeline.record import Load


@dataclass(frozen=True, slots=True)
class Taking:
    """What one run changed, and is taken back in the caller's transaction."""

    connection: Connection
    run_id: str
    changes: tuple[Change, ...]
    """Of tables, in the order in which they were begun: parents first where rows were merged."""
    schemas: tuple[Change, ...]
    force: bool

    @property
    def made(self) -> list[Change]:
        return [change for change in self.changes if change.kind == "table"]

    @property
    def merged(self) -> list[Change]:
        return [change for change in self.changes if change.kind != "table"]


def taken_back(it: Taking) -> Iterator[TakenBack]:
    """Do all of it, step by step; raises TargetError where the target would not be what it was before the run."""
    yield from _views(it)
    yield from _keys(it)
    for change in it.made:
        if table_exists(it.connection, change.table):
            rows = count_rows(it.connection, relation(change.table))
            it.connection.execute(SQL("drop table {}").format(relation(change.table)))
            yield TakenBack("drop table", change.name, rows_removed=rows)
    yield from _rows(it)
    for load in unfinished_stages(it.connection, it.run_id):
        it.connection.execute(SQL("drop table if exists {}").format(Identifier(STAGING_SCHEMA, load.staging or "")))
        yield TakenBack("drop the staged rows of", f"{load.target_schema}.{load.target_table}")
    for change in it.schemas:
        if one(it.connection, query("schema_is_empty"), [change.target_schema]) == (True,):
            it.connection.execute(SQL("drop schema if exists {}").format(Identifier(change.target_schema)))
            yield TakenBack("drop schema", change.target_schema)


def unfinished_stages(connection: Connection, run_id: str) -> list[Load]:
    """Loads of the run whose rows wait in a staging table, and never came into their own."""
    loads = Ledger(connection).loads()
    return [load for load in loads if load.run_id == run_id and load.staging is not None and load.state != "done"]


def _views(it: Taking) -> Iterator[TakenBack]:
    """Those that the run made, and those of ours over its tables; one of others is never dropped."""
    made = it.connection.execute(query("views_of_run"), {"run_id": it.run_id}).fetchall()
    for schema, name in made:
        view = Table(name, (), schema)
        if relation_kind(it.connection, view) == "view":  # not dropped with one before
            take_down_view(it.connection, view)
            yield TakenBack("drop view", f"{schema}.{name}")
    for change in it.made:
        over = dependent_views(it.connection, change.table)
        release(it.connection, change.table, "is to be dropped")
        for view in over:
            yield TakenBack("drop view", f"{view.schema}.{view.name}")


def _keys(it: Taking) -> Iterator[TakenBack]:
    """Foreign keys of tables that stay to tables that go; one that Naru did not make only by force."""
    going, ledger = {change.name for change in it.made}, Ledger(it.connection)
    for change in it.made:
        for key, child in referring_keys(it.connection, change.table):
            name = f"{child.schema}.{child.name}"
            load = ledger.load(child)
            ours = load is not None and load.staging is None
            if not (ours or it.force):
                raise TargetError(
                    f"foreign key {key} of table {name}, which Naru did not make, refers to {change.name}",
                    hint=f"drop that key first, or let --force drop it; the rows of {name} stay",
                )
            it.connection.execute(ddl.drop_constraint(child, key))
            if name not in going:
                yield TakenBack("drop foreign key", f"{key} of {name}")


def _rows(it: Taking) -> Iterator[TakenBack]:
    """Children lose their rows first and parents get theirs first; keys that run in a circle are held at the end."""
    spectators = _spectators(it)
    for table in spectators.values():  # or a row that comes between two looks would go unseen
        it.connection.execute(SQL("lock table {} in share row exclusive mode").format(relation(table)))
    if it.force:  # else what the tables hold in the end is the proof
        _spare_theirs(it)
    before = {name: content(it.connection, table) for name, table in spectators.items()}
    removed: dict[int, int] = {}
    restored: dict[int, int] = {}
    with _told_what_refers(it), deferred(it.connection, _backward_keys(it)):
        it.connection.execute("set constraints all deferred")  # as the merge had them
        for change in reversed(it.merged):
            removed[change.change_id] = take_back_added(it.connection, change)
        for change in it.merged:
            restored[change.change_id] = bring_back_kept(it.connection, change)
        it.connection.execute("set constraints all immediate")
    for name, table in spectators.items():
        if content(it.connection, table) != before[name]:
            raise TargetError(
                f"rows of {name}, which the run did not write, would go or change by a foreign key",
                hint="take these rows out first, or drop that key",
            )
    replayed = replayed_counts(it.connection)
    for change in it.merged:
        _check_as_before(it, change)
        drop_images(it.connection, change)
        counts = removed[change.change_id], restored[change.change_id]
        yield TakenBack("take back the rows of", change.name, *counts)
        if brought := replayed.get((change.target_schema, change.target_table or "")):  # by force: none of the images
            yield TakenBack(f"leave the rows that rejects replay brought, {brought:,} in all, in", change.name)


@contextmanager
def _told_what_refers(it: Taking) -> Iterator[None]:
    """Raise TargetError, and not RowsRefused, where a key of others holds a row that goes, or one is in the way."""
    try:
        with attempted(it.connection):
            yield
    except RowsRefused as refusal:
        raise TargetError(
            f"run {it.run_id} cannot be taken back: {refusal}",
            hint="look for rows that others have added since: they refer to rows that go, or hold the key of one that"
            " comes back; take them out first",
        ) from refusal


def _spectators(it: Taking) -> dict[str, Table]:
    """Tables that the run did not write, and whose rows PostgreSQL would delete or change along with those it did."""
    written = {change.name for change in it.merged}
    found = {}
    for change in it.merged:
        for event in ("delete", "update"):
            for key, _ in reacting_keys(it.connection, change.table, event):
                schema, name = key.child
                if f"{schema}.{name}" not in written:
                    found[f"{schema}.{name}"] = Table(name, (), schema)
    return found


def _spare_theirs(it: Taking) -> None:
    """Raise TargetError where rows that others added to a table of the run would go or change along with the run's."""
    merged = {(change.target_schema, change.target_table): change for change in it.merged}
    for change in it.merged:
        for key, names in reacting_keys(it.connection, change.table, "delete"):
            child = merged.get(key.child)
            if child is None:
                continue  # a spectator
            statement = SQL(
                """select count(*)
                from {child} c
                join {parent} t on {same}
                join ({going}) g on (g.tableoid, g.ctid) = (t.tableoid, t.ctid)
                where not exists (select from ({along}) a where (a.tableoid, a.ctid) = (c.tableoid, c.ctid))"""
            ).format(
                child=relation(child.table),
                parent=relation(change.table),
                same=pairs("c", key.columns, "t", names),
                going=added_rows(it.connection, change),
                along=added_rows(it.connection, child),
            )
            (theirs,) = one(it.connection, statement)
            if theirs:
                raise TargetError(
                    f"{theirs:,} rows of {child.name}, which the run did not write, would go or change by foreign key"
                    f" {key.name}",
                    hint="take these rows out first, or drop that key",
                )


def _backward_keys(it: Taking) -> list[tuple[Table, str]]:
    order = {(change.target_schema, change.target_table): n for n, change in enumerate(it.merged)}
    keys = []
    for change in it.merged:
        immediate = immediate_keys(it.connection, change.table)
        standing = read_table(it.connection, change.table)
        for key in standing.foreign_keys if standing else ():
            parent = order.get((change.target_schema, key.parent), -1)
            if key.name in immediate and parent > order[change.target_schema, change.target_table]:
                keys.append((change.table, key.name))
    return keys


def _check_as_before(it: Taking, change: Change) -> None:
    """The proof; with rows of others among them by force, there is none to be had."""
    if not it.force and content(it.connection, change.table) != change.content_before:
        raise TargetError(
            f"{change.name} would not be what it was before run {it.run_id}; nothing was done",
            hint="look for triggers that change what is written, and for what wrote to it while its rows were merged",
        )
