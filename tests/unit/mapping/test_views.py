from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from pipeline.catalog import Catalog, Query, QueryKind
from pipeline.errors import MappingError
from pipeline.mapping.models import ViewMapping
from pipeline.mapping.read import MappingFile
from pipeline.mapping.target import target_catalog
from pipeline.mapping.write import render

_GOOD = """naru: 1
tables:
  Items:
    columns:
      ItemID: {type: integer}
      ItemCode: {type: text}
      Price: {type: "numeric(19,4)"}
  Order Lines: {skip: true}
views:
  Dear: {sql: "select item_id from cheap where price > 9"}
  Cheap: {to: cheap, sql: "select * from items"}
  Left: {skip: true}
"""


@pytest.fixture
def queried(source: Catalog) -> Catalog:
    return replace(source, queries=tuple(Query(name, QueryKind.SELECT, "") for name in ("Cheap", "Dear", "Left", "No")))


def test_views_come_after_those_that_they_read(queried: Catalog, read: Callable[[str], MappingFile]) -> None:
    views = target_catalog(read(_GOOD).mapping, queried).views
    assert [(view.name, view.query, view.relations) for view in views] == [
        ("cheap", "Cheap", ("items",)),
        ("dear", "Dear", ("cheap",)),
    ]
    assert '"public"."cheap"' in views[1].sql


@pytest.mark.parametrize(
    ("old", "new", "line", "reason"),
    [
        ("  Left:", "  Lefft:", 12, "the source has no query 'Lefft'"),
        ("from cheap", "from cheep", 10, "'cheep' is no table or view of this mapping"),
        ("from cheap", "from order_lines", 10, "'order_lines' is no table or view"),
        ("select * from items", "select * from dear", 1, "its view reads itself"),
        ("to: cheap", "to: items", 11, "two tables, views or indexes are named 'items'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_line(
    old: str, new: str, line: int, reason: str, queried: Catalog, read: Callable[[str], MappingFile]
) -> None:
    file = read(_GOOD.replace(old, new))
    with pytest.raises(MappingError, match=reason) as caught:
        target_catalog(file.mapping, queried, where=file.where)
    if line > 1:
        assert f"m.yaml:{line}: views" in caught.value.message


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ('{sql: "delete from items"}', "m.yaml:12: views.Left.sql: .*may not stand in a view"),
        ('{sql: "select pg_sleep(1)"}', r"m.yaml:12: views.Left.sql: .*PG_SLEEP\(1\)"),
        ("{to: x}", "m.yaml:12: views.Left: a view needs its `sql`"),
        ("{sq: x}", "unknown option"),
    ],
)
def test_a_select_is_checked_as_it_is_read(entry: str, reason: str, read: Callable[[str], MappingFile]) -> None:
    with pytest.raises(MappingError, match=reason):
        read(_GOOD.replace("Left: {skip: true}", f"Left: {entry}"))


@pytest.mark.parametrize(
    "sql",
    [
        "select item_code from items where item_code <> 'it''s'",
        "select 'a\n  b  \n', '\u2028', '\u0085 x' from items",
        "select 1",
    ],
)
def test_a_view_is_written_and_read_back_equal(sql: str, queried: Catalog, read: Callable[[str], MappingFile]) -> None:
    mapping = read(_GOOD).mapping
    view = ViewMapping(sql=sql)
    mapping = mapping.model_copy(update={"views": {**mapping.views, "No": view}})
    assert read(render(mapping, queried)).mapping == mapping
