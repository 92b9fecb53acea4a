"""Batches into a real table: rows that only PostgreSQL can refuse are found one by one."""

from __future__ import annotations

import json

import pytest

from pipeline.catalog import ForeignKey
from pipeline.postgres.connect import Connection, Target
from tests.unit.load.walk import (
    column,
    findings,
    key,
    mapping_of,
    migrate,
    plan_of,
    retyped,
    rows,
    source,
    table,
)

HOST = table("host", (column("id"), column("address", "Memo"), column("facts", "Memo")), key("id"))


@pytest.mark.parametrize("bad", [set(), {0}, {999}, {0, 1, 499, 500, 998}, {*range(0, 1000, 97)}])
def test_rows_that_only_postgresql_refuses_are_the_rejects_and_all_others_arrive(
    database: Target, connection: Connection, bad: set[int]
) -> None:
    given = source({HOST: [(n, f"10.0.0.{256 if n in bad else n % 256}", "{}") for n in range(1000)]})
    plan = plan_of(given, retyped(mapping_of(given), "host", "address", type="inet"))
    migrate(given, plan, database, batch_rows=400)
    assert {n for (n,) in rows(connection, "select id from host")} == {*range(1000)} - bad
    refused = rows(
        connection, "select locator, stage, reason, key::text, row_values::text from _naru.reject order by 1"
    )
    assert [(n, stage, reason) for n, stage, reason, *_ in refused] == [
        (n, "copy", "sqlstate_22P02") for n in sorted(bad)
    ]
    for n, _, _, its_key, values in refused:
        assert json.loads(its_key) == {"id": n}
        assert json.loads(values) == {"id": n, "address": "10.0.0.256", "facts": "{}"}
    assert findings(given, plan, database) == ([("rejects", "host", "sqlstate_22P02", len(bad))] if bad else [])


def test_the_binary_form_is_bisected_as_well_and_losses_of_refused_rows_are_none(
    database: Target, connection: Connection
) -> None:
    given = source({HOST: [(1, " a", "{}"), (2, " b", "{"), (3, " c", '{"k": "한글"}'), (4, " d", '{"k": "\\u0000"}')]})
    plan = plan_of(
        given, retyped(retyped(mapping_of(given), "host", "facts", type="jsonb"), "host", "address", trim="both")
    )
    migrate(given, plan, database)
    assert rows(connection, "select id, address, facts->>'k' from host order by 1") == [
        (1, "a", None),
        (3, "c", "한글"),
    ]
    assert rows(connection, "select locator, reason from _naru.reject order by 1") == [
        (1, "sqlstate_22P02"),
        (3, "sqlstate_22P05"),
    ]
    assert rows(connection, "select locator, before from _naru.loss order by 1") == [(0, " a"), (2, " c")]
    assert rows(connection, "select rows_rejected from _naru.load") == [(2,)]


NASTY = ['a"b%s{x}', "이름 with space", "%(name)s", "'; drop table _naru.run; --", "\\", "가" * 21]


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_a_name_and_never_sql(database: Target, connection: Connection, name: str) -> None:
    """Through every statement: create, copy, quarantine, keys, sequence, relationship, verify."""
    other, parent = name[:-1] + "2", name[:-1] + "3"
    columns = (column(name, identity=True, nullable=False), column(other, "Memo"), column(parent))
    own = ForeignKey("fk" + name[:10], (parent,), name, (name,))
    nasty = table(name, columns, key(name), key(other, primary=False), references=(own,))
    given = source({nasty: [(1, "a", None), (1, "b", None), (2, "a", None), (3, "c", 9), (4, "d", 1)]})
    keep = mapping_of(given).model_copy(update={"naming": "keep"})
    named = {column: mapped.model_copy(update={"to": column}) for column, mapped in keep.tables[name].columns.items()}
    keep = keep.model_copy(
        update={"tables": {name: keep.tables[name].model_copy(update={"to": name, "columns": named})}}
    )
    plan = plan_of(given, keep)
    migrate(given, plan, database)
    assert findings(given, plan, database) == [("rejects", name, "duplicate_key", 2), ("rejects", name, "orphan", 1)]
    assert rows(connection, "select count(*) from _naru.run") == [(1,)]
