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
from pipeline.mapping.models import ColumnMapping, Mapping, TableMapping
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.sql import SQL, columns, relation
from pipeline.record import Run
from pipeline.sources.access import AccessSource
from tests.contract.test_access_reference import REFERENCE, UNREADABLE, _dump, _dumped, _item, _items, _name, _open
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
        case "Complex":
            return frozenset(_items(text).items())
        case _:
            return text


def arrived(value: object, column: Column) -> object:
    if column.type.name == "Single" and value is not None:
        return float(np.float32(value))  # type: ignore[arg-type]
    if isinstance(value, bytes):
        return f"x{value.hex()}" if len(value) <= 64 else f"L{len(value)}:{hashlib.sha1(value).hexdigest()}"
    return value


def rows_of(
    connection: Connection, task: TableTask, carried: list[Column], children: Iterable[TableTask] = ()
) -> Iterable[tuple[object, ...]]:
    """Rows as the dump has them: with what the tables of complex columns hold in place of their numbers."""
    values = {child.target.foreign_keys[0].parent_columns[0]: values_of(connection, child) for child in children}
    nothing: Counter[str] = Counter()
    for row in table_rows(connection, task):
        yield tuple(
            frozenset(values[name].get(value, nothing).items())
            if column.type.name == "Complex"
            else arrived(value, column)
            for (name, value), column in zip(row.items(), carried, strict=True)
        )


def values_of(connection: Connection, child: TableTask) -> dict[object, Counter[str]]:
    """Values of a complex column by number."""
    found: dict[object, Counter[str]] = {}
    for row in table_rows(connection, child):
        named = dict(zip(child.source.column_names, row.values(), strict=True))
        key = named[child.source.foreign_keys[0].columns[0]]
        found.setdefault(key, Counter())[_item(named)] += 1
    return found


def table_rows(connection: Connection, task: TableTask) -> Iterable[dict[str, object]]:
    # Mapping order is source order in a draft.
    names = task.target.column_names
    for row in connection.execute(SQL("select {} from {}").format(columns(names), relation(task.target))):
        yield dict(zip(names, row, strict=True))


@pytest.mark.parametrize("path", _dumped(), ids=_name)
def test_every_cell_that_arrived_equals_the_dump(path: Path, database: Target) -> None:
    with _open(path) as source:
        plan = migrate(source, database)
        tasks = {task.source.name: task for task in plan.tasks}
        with connect(database, application_name="t", autocommit=True) as connection:
            findings = [found for found in verify_plan(connection, plan, source) if not found.allowed]
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
                children = [t for t in plan.tasks if t.source.name.startswith(f"{table['name']}.")]
                found = Counter(rows_of(connection, task, carried, children))
                assert not found - expected
                assert (expected - found).total() == refused[table["name"]]


def test_attachments_arrive_bit_by_bit_beside_their_row(database: Target) -> None:
    with _open(REFERENCE / "complexDataV2010.accdb") as source:
        plan = make_plan(source.catalog(), draft(source.catalog()).mapping, ACCESS)
        run = Run("r", "migrate", "", source.fingerprint().digest, "", "0")
        Migration(source, plan, database, run, Options(2), Silent()).execute()
        with connect(database, application_name="t", autocommit=True) as connection:
            assert verify_plan(connection, plan, source) == ()
            files = """select id, file_name, file_type, encode(sha256(file_data), 'hex')
                from table1 join table1_attach_data using (attach_data) order by 1, 2"""
            some, more = b"this is some test data for attachment.", b"this is some more test data for attachment."
            assert connection.execute(files).fetchall() == [
                ("row2", "test_data.txt", "txt", hashlib.sha256(some).hexdigest()),
                ("row2", "test_data2.txt", "txt", hashlib.sha256(more).hexdigest()),
                ("row4", "test_data2.txt", "txt", hashlib.sha256(more).hexdigest()),
            ]
            # A new row numbers itself, and takes its values with it when it goes.
            connection.execute("insert into table1 (id) values ('new')")
            connection.execute(
                "insert into table1_multi_value_data (multi_value_data, value)"
                " select multi_value_data, 'v' from table1 where id = 'new'"
            )
            connection.execute("delete from table1 where id in ('new', 'row2')")
            assert connection.execute("select count(*) from table1_multi_value_data").fetchone() == (4,)


def test_complex_values_arrive_in_their_row_where_the_mapping_says_so(database: Target) -> None:
    history = "VersionHistory_F5F8918F-0A3F-4DA9-AE71-184EE5012880"
    types = {"attach-data": "jsonb", "multi-value-data": "text[]", history: "jsonb"}
    with _open(REFERENCE / "complexDataV2010.accdb") as source:
        drafted = draft(source.catalog()).mapping
        table = drafted.tables["Table1"]
        nested = {name: ColumnMapping(to=name[:5].lower(), type=type) for name, type in types.items()}
        table = table.model_copy(update={"columns": table.columns | nested, "unique": ()})
        tables = {name: TableMapping(skip=True) for name in drafted.tables} | {"Table1": table}
        plan = make_plan(source.catalog(), drafted.model_copy(update={"tables": tables}), ACCESS)
        run = Run("r", "migrate", "", source.fingerprint().digest, "", "0")
        Migration(source, plan, database, run, Options(2), Silent()).execute()
        with connect(database, application_name="t", autocommit=True) as connection:
            assert verify_plan(connection, plan, source) == ()
            found = connection.execute("select id, multi, versi from table1 order by id").fetchall()
            statement = """select id, f ->> 'file_name', convert_from(decode(f ->> 'file_data', 'base64'), 'utf8')
                from table1, jsonb_array_elements(attac) f order by 1, 2"""
            files = connection.execute(statement).fetchall()
    texts = {id: [(one["append_memo_data"], one["modified"]) for one in versions] for id, _, versions in found}
    assert {id: multi for id, multi, _ in found} == {
        "row1": [], "row2": ["value1", "value4"], "row3": ["value1", "value2", "value3", "value4"], "row4": []
    }  # fmt: skip
    assert texts["row1"] == []
    assert texts["row3"] == [
        ("row3-memo", "2011-09-12T21:21:19.126000"),
        ("row3-memo-revised", "2011-09-12T21:22:33.077000"),
        ("row3-memo-again", "2011-09-12T21:22:45.382000"),
    ]
    assert files == [
        ("row2", "test_data.txt", "this is some test data for attachment."),
        ("row2", "test_data2.txt", "this is some more test data for attachment."),
        ("row4", "test_data2.txt", "this is some more test data for attachment."),
    ]


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
