"""The views of a mapping as the target shall have them."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter

from pipeline.catalog import Catalog, View
from pipeline.mapping.check import Where, closest, refuse
from pipeline.mapping.models import Mapping
from pipeline.mapping.selects import qualified, selected_relations


def target_views(mapping: Mapping, source: Catalog, where: Where) -> tuple[View, ...]:
    """Every view that is not skipped, after those that it reads; raises MappingError."""
    queries = [query.name for query in source.queries]
    for name in mapping.views:
        if name not in queries:
            refuse(where, ("views", name), f"the source has no query {name!r}", hint=closest(name, queries))
    carried = {mapping.view_name(name): name for name, view in mapping.views.items() if not view.skip}
    views = {name: _view(mapping, query) for name, query in carried.items()}
    tables = [mapping.table_name(name) for name, table in mapping.tables.items() if not table.skip]
    for view in views.values():
        for relation in view.relations:
            if relation not in tables and relation not in views:
                text = f"{relation!r} is no table or view of this mapping"
                refuse(where, ("views", view.query), text, hint=closest(relation, [*tables, *views]))
    return tuple(views[name] for name in _in_order(views, where))


def _in_order(views: dict[str, View], where: Where) -> Iterator[str]:
    read = {name: [other for other in view.relations if other in views] for name, view in views.items()}
    try:
        yield from TopologicalSorter(read).static_order()
    except CycleError as error:
        circle = error.args[1]
        refuse(where, ("views", views[circle[0]].query), f"its view reads itself: {' -> '.join(circle)}")


def _view(mapping: Mapping, query: str) -> View:
    sql, schema = mapping.views[query].sql, mapping.target.schema_name
    assert sql is not None, "a view that is not skipped has its SELECT"
    return View(mapping.view_name(query), query, qualified(sql, schema), schema, selected_relations(sql))
