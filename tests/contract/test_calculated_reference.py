"""Calculated columns of a real file: PostgreSQL computes what Access had stored."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pipeline.catalog import Catalog, Notice
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.mapping.models import Mapping
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.introspect import read_table
from pipeline.record import Run
from pipeline.sources.access import AccessSource
from tests.unit.engine.test_run import Silent

REFERENCE = Path(__file__).parents[2].parent / "shared" / "access" / "reference"
FILE = REFERENCE / "calcFieldV2010.accdb"

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="../shared/access with the reference files is missing")


def offered(notices: tuple[Notice, ...]) -> dict[str, str]:
    """`generated:` of each column as the draft's notices write it down."""
    found = {}
    for notice in notices:
        match = re.search(r'`generated: (".*")`$', notice.text)
        if match and notice.column:
            found[notice.column] = json.loads(match[1])
    return found


def with_generated(mapping: Mapping, expressions: dict[str, str]) -> Mapping:
    said = mapping.model_dump()
    for name, sql in expressions.items():
        said["tables"]["Table1"]["columns"][name] |= {"generated": sql, "default_sql": None}
    return Mapping.model_validate(said)


def migrate(source: AccessSource, catalog: Catalog, mapping: Mapping, target: Target) -> Plan:
    plan = make_plan(catalog, mapping, ACCESS)
    run = Run("r", "migrate", "", source.fingerprint().digest, "", "0")
    Migration(source, plan, target, run, Options(1000), Silent()).execute()
    return plan


@pytest.mark.parametrize(
    "names",
    [
        {"LastFirst", "IsRich", "SalaryTest", "BoolTest", "DecimalTest"},
        {"LastFirstLen", "AllNames"},  # computed from LastFirst, which PostgreSQL may then not compute itself
    ],
)
def test_postgresql_computes_what_access_had_stored(names: set[str], database: Target) -> None:
    with AccessSource(FILE) as source:
        catalog = source.catalog()
        made = draft(catalog)
        expressions = {name: sql for name, sql in offered(made.notices).items() if name in names}
        assert expressions.keys() == names
        plan = migrate(source, catalog, with_generated(made.mapping, expressions), database)
        (stored,) = [batch.frame for batch in source.batches("Table1", batch_rows=100)]
        with connect(database, application_name="t", autocommit=True) as connection:
            # The file counts 3 rows and has 4.
            assert [found.subject for found in verify_plan(connection, plan, source)] == ["claimed rows"]
            standing = read_table(connection, plan.tasks[0].target)
            assert standing is not None
            for name in sorted(names):
                column = made.mapping.column_name("Table1", name)
                assert standing.column(column).generated is not None
                found = connection.execute(f"select {column}::text from table1 order by id").fetchall()  # type: ignore[call-overload]
                wanted = stored.sort("ID")[name].to_list()
                spelled = [str(value).lower() if isinstance(value, bool) else str(value) for value in wanted]
                assert [text for (text,) in found] == spelled, name


def test_expressions_that_do_not_translate_are_told_with_their_text() -> None:
    with AccessSource(FILE) as source:
        notices = {notice.column: notice.text for notice in draft(source.catalog()).notices}
    assert "calculated as [Salary]/12: carried as stored; PostgreSQL cannot" in notices["MonthlySalary"]
