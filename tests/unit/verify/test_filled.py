"""A required text that Access does not let be empty: NULL is a reject, empty text is a finding."""

from __future__ import annotations

from pipeline.catalog import Column, SqlType
from pipeline.postgres.connect import Connection, Target
from tests.unit.load.walk import column, findings, key, migrate, plan_of, source, table

CODE = Column("code", SqlType("Text", (9,)), nullable=False, empty_allowed=False)
PART = table("part", (column("id"), CODE), key("id"))


def test_empty_text_is_found_where_the_mapping_says_filled(database: Target, connection: Connection) -> None:
    given = source({PART: [(1, "a"), (2, "b"), (3, None)]})
    plan = plan_of(given)
    assert plan.tasks[0].mapping.columns["code"].required == "filled"
    migrate(given, plan, database)
    refused = [("rejects", "part", "null_in_required", 1)]
    assert findings(given, plan, database) == refused
    connection.execute("update part set code = '' where id = 2")
    assert sorted(findings(given, plan, database)) == [*refused, ("required", "part", "code", 1)]
