"""What PostgreSQL holds after a migration against the reference dumps, cell by cell, for every readable file."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from pipeline.catalog import Catalog, Column
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan, TableTask, make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.mapping.models import ColumnMapping, Mapping
from pipeline.outcome import Run
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.sql import SQL, columns, relation
from pipeline.sources.access import AccessSource
from tests.contract.test_access_reference import REFERENCE, UNREADABLE, _dump, _dumped, _name, _open
from tests.unit.engine.test_run import Silent

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared/access with the reference dumps is missing")


def without_unreadable(mapping: Mapping, catalog: Catalog) -> Mapping:
    """The draft with the explicit line that the next issue's columns need."""
    tables = dict(mapping.tables)
    for table in catalog.tables:
        skipped = {c.name: ColumnMapping(skip=True) for c in table.columns if c.type.name in UNREADABLE}
        if len(skipped) == len(table.columns):
            tables[table.name] = tables[table.name].model_copy(update={"skip": True})
        elif skipped:
            kept = {**tables[table.name].columns, **skipped}
            tables[table.name] = tables[table.name].model_copy(update={"columns": kept})
    return mapping.model_copy(update={"tables": tables})


def migrate(source: AccessSource, target: Target) -> Plan:
    catalog = source.catalog()
    plan = make_plan(catalog, without_unreadable(draft(catalog).mapping, catalog), ACCESS)
    fingerprint = source.fingerprint()
    run = Run("r", "migrate", "", fingerprint.digest, "", "0")
    Migration(source, plan, target, run, Options(1000), Silent()).execute()
    return plan


def canonical(text: str | None, column: Column) -> object:
    """A value of the dump as PostgreSQL should give it."""
    if text is None:
        return None
    match column.type.name:
        case "YesNo":
            return text == "1"
        case "Byte":
            return int(text) % 256
        case "Integer" | "Long" | "BigInt":
            return int(text)
        case "Single":
            return float(np.float32(text))
        case "Double":
            return float(text)
        case "Currency" | "Decimal":
            return Decimal(text)
        case "DateTime":
            return datetime.fromisoformat(text)
        case "DateTimeExtended":
            return datetime.fromisoformat(text[:26])
        case "GUID":
            return uuid.UUID(text)
        case _:
            return text


def arrived(value: object, column: Column) -> object:
    if column.type.name == "Single" and value is not None:
        return float(np.float32(value))  # type: ignore[arg-type]
    if isinstance(value, bytes):
        return f"x{value.hex()}" if len(value) <= 64 else f"L{len(value)}:{hashlib.sha1(value).hexdigest()}"
    return value


def rows_of(connection: Connection, task: TableTask, carried: list[Column]) -> Iterable[tuple[object, ...]]:
    # Mapping order is source order in a draft.
    statement = SQL("select {} from {}").format(columns(task.target.column_names), relation(task.target))
    for row in connection.execute(statement):
        yield tuple(arrived(value, column) for value, column in zip(row, carried, strict=True))


@pytest.mark.parametrize("path", _dumped(), ids=_name)
def test_every_cell_that_arrived_equals_the_dump(path: Path, database: Target) -> None:
    with _open(path) as source:
        plan = migrate(source, database)
        tasks = {task.source.name: task for task in plan.tasks}
        with connect(database, application_name="t", autocommit=True) as connection:
            findings = verify_plan(connection, plan, source)
            assert {finding.verifier for finding in findings} <= {"rejects"}
            refused = Counter(table for (table,) in connection.execute("select source_table from _naru.reject"))
            assert sum(refused.values()) == sum(finding.count for finding in findings)
            for table, rows in _dump(path):
                task = tasks.get(table["name"])
                if task is None:
                    assert all(c.type.name in UNREADABLE for c in source.catalog().table(table["name"]).columns)
                    continue
                carried = [c for c in task.source.columns if c.type.name not in UNREADABLE]
                place = {column[0]: at for at, column in enumerate(table["cols"])}
                expected = Counter(tuple(canonical(row[place[c.name]], c) for c in carried) for row in rows)
                found = Counter(rows_of(connection, task, carried))
                assert not found - expected
                assert (expected - found).total() == refused[table["name"]]


@pytest.mark.parametrize("name", ["jet3_cp949_500.mdb", "jet3_cp949_stale_500.mdb"])
def test_korean_of_access_97_arrives(name: str, database: Target) -> None:
    path = REFERENCE / name
    expected = json.loads(path.with_name(f"{name}.json").read_text("utf-8"))
    with AccessSource(path, code_page=949) as source:
        plan = migrate(source, database)
    with connect(database, application_name="t", autocommit=True) as connection:
        tasks = {task.source.name: task for task in plan.tasks}
        for table, described in expected.items():
            task = tasks[table]
            carried = list(task.source.columns)
            found = list(rows_of(connection, task, carried))
            assert len(found) == described["rows"]
            text = [at for at, column in enumerate(carried) if column.type.name in ("Text", "Memo", "Long", "Integer")]
            shown = {tuple(str(row[at]) for at in text) for row in found}
            for row in (described["first"], described["last"]):
                assert tuple(row[at] for at in text) in shown
