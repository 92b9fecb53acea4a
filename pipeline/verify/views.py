"""Every view whose tables stand in the target stands there too, selects what it shall, and still runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.catalog import Table, View
from pipeline.ledger.views import made_view
from pipeline.outcome import Finding
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.ddl import as_relation
from pipeline.postgres.introspect import relation_kind, view_definition
from pipeline.postgres.savepoint import refused

_TIMEOUT_S = 60


def verify_views(connection: Connection, views: Mapping[View, str | None]) -> Iterator[Finding]:
    """`views` are given with what PostgreSQL would say of each, None where it does not take it."""
    for view, wanted in views.items():
        read = [Table(name, (), view.schema) for name in view.relations]
        if any(relation_kind(connection, relation) is None for relation in read):
            continue  # left out of the run, or a finding of its own
        if relation_kind(connection, as_relation(view)) != "view":
            yield _finding(view, "the view is not built")
        elif not _selects(connection, view, wanted):
            yield _finding(view, "the view is not the mapping's: it was changed since, or made by an earlier mapping")
        elif (reason := refused(connection, (ddl.run_view(view),), timeout_s=_TIMEOUT_S)) is not None:
            yield _finding(view, f"the view does not run: {reason}")


def _selects(connection: Connection, view: View, wanted: str | None) -> bool:
    """Whether it is the mapping's view: as one would be made now, or as this one stood when Naru had made it."""
    standing = view_definition(connection, as_relation(view))
    if standing == wanted:
        return True
    made = made_view(connection, as_relation(view))
    return made is not None and (made.sql, made.definition) == (view.sql, standing)


def _finding(view: View, detail: str) -> Finding:
    return Finding("views", view.name, view.query, 1, detail)
