"""Views that a run made go with their tables, and alone."""

from __future__ import annotations

import pytest

from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan
from pipeline.errors import TargetError
from pipeline.mapping.models import ViewMapping
from pipeline.mapping.selects import valid_select
from pipeline.postgres.connect import Connection, Target
from tests.frames import FrameSource
from tests.unit.dialects.queries.shop import shop
from tests.unit.engine.rollback.cases import dump, roll_back
from tests.unit.load.walk import migrate, plan_of


def shopping(**selects: str) -> tuple[FrameSource, Plan]:
    queries = shop({"Mine": "SELECT ID, Code FROM Customers", "Over": "SELECT ID FROM Mine"})
    mapping = draft(queries.catalog()).mapping
    views = dict(mapping.views) | {name: ViewMapping(sql=valid_select(sql)) for name, sql in selects.items()}
    return queries, plan_of(queries, mapping.model_copy(update={"views": views}))


def test_views_go_with_their_tables_and_alone(database: Target, connection: Connection) -> None:
    before = dump(connection)
    queries, plan = shopping()
    without = plan_of(queries, draft(queries.catalog()).mapping.model_copy(update={"views": {}}))
    migrate(queries, without, database)
    bare = dump(connection)
    migrate(queries, plan, database, run_id="r2")
    assert dump(connection) != bare
    assert {step.action for step in roll_back(database, "r2")} == {"drop view"}
    assert dump(connection) == bare
    migrate(queries, plan, database, run_id="r3")
    roll_back(database)
    assert dump(connection) == before


def test_a_view_that_others_have_changed_stops_it(database: Target, connection: Connection) -> None:
    queries, plan = shopping()
    migrate(queries, plan, database)
    connection.execute("create or replace view over as select id, 1 as one from mine")
    with pytest.raises(TargetError, match=r"view public\.over"):
        roll_back(database)


def test_a_view_that_was_made_anew_does_not_come_back(database: Target, connection: Connection) -> None:
    queries, plan = shopping()
    migrate(queries, plan, database)
    changed = shopping(Mine='select id + 100 as id, "code" from customers')[1]
    migrate(queries, changed, database, run_id="r2")
    with pytest.raises(TargetError, match=r"made view public\.mine anew"):
        roll_back(database, "r2")
