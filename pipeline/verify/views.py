"""Every view whose tables stand in the target stands there too, and still runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pipeline.catalog import Table, View
from pipeline.outcome import Finding
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.ddl import as_relation
from pipeline.postgres.introspect import relation_kind
from pipeline.postgres.savepoint import refused

_TIMEOUT_S = 60


def verify_views(connection: Connection, views: Iterable[View]) -> Iterator[Finding]:
    for view in views:
        read = [Table(name, (), view.schema) for name in view.relations]
        if any(relation_kind(connection, relation) is None for relation in read):
            continue  # left out of the run, or a finding of its own
        if relation_kind(connection, as_relation(view)) != "view":
            yield _finding(view, "the view is not built")
        elif (reason := refused(connection, (ddl.run_view(view),), timeout_s=_TIMEOUT_S)) is not None:
            yield _finding(view, f"the view does not run: {reason}")


def _finding(view: View, detail: str) -> Finding:
    return Finding("views", view.name, view.query, 1, detail)
