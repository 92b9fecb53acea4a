"""Views over the tables that have arrived: made once these are complete, and tried at once.

Each is made in a savepoint of its own, and every row of it is computed: what PostgreSQL refuses is taken back and
reported. A view that Naru did not make, or that somebody has changed since, is never dropped.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.catalog import Notice, Table, View
from pipeline.errors import TargetError
from pipeline.ledger.changes import add_change
from pipeline.ledger.views import forget_view, made_view, record_view
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.ddl import as_relation
from pipeline.postgres.introspect import dependent_views, relation_kind, view_definition
from pipeline.postgres.probe import worded_view
from pipeline.postgres.savepoint import refused
from pipeline.postgres.sql import SQL, relation

_TIMEOUT_S = 60


def check_views(connection: Connection, views: Iterable[View]) -> None:
    """Whether the names of the views are free, or theirs already; raises TargetError."""
    for view in views:
        kind = relation_kind(connection, as_relation(view))
        if kind is not None and not (kind == "view" and _is_known(connection, view)):
            raise TargetError(
                f"{view.schema}.{view.name} exists, and Naru did not make it as it stands: its kind is {kind}",
                hint=f"drop or rename it, or give the view another name in the mapping: views, {view.query!r}, to",
            )


def build_views(connection: Connection, run_id: str, views: Iterable[View]) -> tuple[Notice, ...]:
    """Make the views, each after those that it reads, in one transaction; returns what could not be made, and why."""
    views = tuple(views)
    with translated("making the views"), connection.transaction():
        check_views(connection, views)
        for view in views:
            made = made_view(connection, as_relation(view))
            if made is not None and made.sql != view.sql:
                add_change(connection, run_id, "view", view.schema, view.name)
                drop_view(connection, as_relation(view))
        return tuple(notice for view in views for notice in _build(connection, run_id, view))


def release(connection: Connection, table: Table, why: str = "is to be made again") -> None:
    """Drop the views over a table or view that goes, all of them ours; raises TargetError."""
    found = dependent_views(connection, table)
    for view in found:
        if not _is_ours(connection, view):
            raise TargetError(
                f"{table.name} {why}, and view {view.schema}.{view.name}, "
                "which Naru did not make as it stands, reads it",
                hint="drop that view, run again, and make it again afterwards",
            )
    for view in found:
        forget_view(connection, view)
    if found:
        # In one statement, so that their order does not matter.
        connection.execute(SQL("drop view {}").format(SQL(", ").join(map(relation, found))))


def take_down_view(connection: Connection, view: Table) -> None:
    """Drop a view that nobody has changed since Naru made it, and ours over it; raises TargetError."""
    if not _is_ours(connection, view):
        raise TargetError(
            f"view {view.schema}.{view.name} has been changed since Naru made it",
            hint="drop or rename it yourself, then run again",
        )
    drop_view(connection, view)


def drop_view(connection: Connection, view: Table) -> None:
    release(connection, view)
    forget_view(connection, view)
    connection.execute(SQL("drop view if exists {}").format(relation(view)))


def _build(connection: Connection, run_id: str, view: View) -> Iterator[Notice]:
    if relation_kind(connection, as_relation(view)) is not None:
        return  # as it should be
    for name in view.relations:
        if relation_kind(connection, Table(name, (), view.schema)) is None:
            yield Notice(view.query, None, f"view {view.name} is not built: {name} is not in the target")
            return
    forget_view(connection, as_relation(view))  # one that somebody has dropped
    reason = refused(connection, (ddl.create_view(view), ddl.run_view(view)), timeout_s=_TIMEOUT_S)
    if reason is not None:
        yield Notice(view.query, None, f"view {view.name} is not built: {reason}")
        return
    definition = view_definition(connection, as_relation(view))
    assert definition is not None, "the view has just been made"
    record_view(connection, run_id, view, definition)


def _is_ours(connection: Connection, view: Table) -> bool:
    made = made_view(connection, view)
    return made is not None and made.definition == view_definition(connection, view)


def _is_known(connection: Connection, view: View) -> bool:
    """Ours, or by schema.sql what ours would be."""
    if _is_ours(connection, as_relation(view)):
        return True
    wanted = worded_view(connection, view)
    return wanted is not None and wanted == view_definition(connection, as_relation(view))
