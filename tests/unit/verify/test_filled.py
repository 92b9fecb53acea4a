"""A text that Access does not let be empty: a check, which empty text breaks and NULL does not."""

from __future__ import annotations

import psycopg
import pytest

from pipeline.catalog import Check, Column, SqlType, Table
from pipeline.postgres.connect import Connection, Target
from tests.unit.load.walk import column, findings, migrate, plan_of, rows, source

PART = Table(
    "part",
    (column("id"), Column("code", SqlType("Text", (9,)))),
    checks=(Check("code", '<>""', ("code",)),),
)


def test_empty_text_goes_to_the_quarantine_and_comes_no_more(database: Target, connection: Connection) -> None:
    given = source({PART: [(1, "a"), (2, ""), (3, None), (4, " ")]})
    plan = plan_of(given)
    migrate(given, plan, database)
    assert findings(given, plan, database) == [("rejects", "part", "check_violation", 1)]
    assert rows(connection, "select id from part order by id") == [(1,), (3,), (4,)]
    with pytest.raises(psycopg.errors.CheckViolation):
        connection.execute("insert into part values (5, '')")
