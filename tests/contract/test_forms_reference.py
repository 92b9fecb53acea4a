"""Forms of values in real files: pictures in their OLE wrapper, and dates with a seventh digit."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.mapping.models import Mapping
from pipeline.postgres.connect import Target, connect
from pipeline.record import Run
from pipeline.sources.access import AccessSource
from tests.unit.engine.test_run import Silent

REFERENCE = Path(__file__).parents[2].parent / "shared" / "access" / "reference"

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared/access with the reference files is missing")


def migrate(source: AccessSource, target: Target, table: str, columns: dict[str, dict[str, str]]) -> Plan:
    """One table, with options of some of its columns beside those of the draft."""
    catalog = source.catalog()
    said = draft(catalog).mapping.model_dump(by_alias=True)
    for name, options in columns.items():
        said["tables"][table]["columns"][name] |= options
    plan = make_plan(catalog, Mapping.model_validate(said), ACCESS, only=[table])
    run = Run("r", "migrate", "", source.fingerprint().digest, "", "0")
    Migration(source, plan, target, run, Options(1000), Silent()).execute()
    return plan


@pytest.mark.parametrize(
    ("file", "table", "column", "magic", "program"),
    [
        ("northwind.accdb", "Categories", "Picture", b"BM", "Paint.Picture"),
        ("northwind.accdb", "Employees", "Photo", b"BM", "Paint.Picture"),
        (
            "common2V1997.mdb",
            "MSP_PROJECTS",
            "RESERVED_BINARY_DATA",
            bytes.fromhex("d0cf11e0a1b11ae1"),
            "Word.Document.8",
        ),
    ],
)
def test_embedded_files_come_out_of_their_wrapper(
    file: str, table: str, column: str, magic: bytes, program: str, database: Target
) -> None:
    """Wrapped objects stand whole in the source: 78 bytes of header there, 85 for Word, then what must arrive."""
    with AccessSource(REFERENCE / file) as source:
        plan = migrate(source, database, table, {column: {"ole": "unwrap"}})
        name = plan.tasks[0].target.written_names[plan.tasks[0].source.column_names.index(column)]
        (stored,) = [b.frame[column].drop_nulls() for b in source.batches(table, batch_rows=100, columns=(column,))]
        with connect(database, application_name="t", autocommit=True) as connection:
            statement = f'select "{name}", "{name}_file_name", "{name}_class" from "{plan.tasks[0].target.name}"'
            arrived = connection.execute(statement + f' where "{name}" is not null').fetchall()  # type: ignore[call-overload]
            assert {finding.verifier for finding in verify_plan(connection, plan, source)} <= {"foreign_keys"}
            losses = connection.execute("select count(*) from _naru.loss where rule = 'ole_unwrap'").fetchone()
    assert losses == (len(stored),)
    assert len(arrived) == len(stored) > 0
    wrapped = {hashlib.sha256(_native(value)).digest() for value in stored}
    assert {hashlib.sha256(data).digest() for data, *_ in arrived} == wrapped
    for data, file_name, kind in arrived:
        assert data.startswith(magic)
        assert (file_name, kind) == (None, program)
        if magic == b"BM":  # Paint rounds the object up to whole double words
            assert 0 <= len(data) - int.from_bytes(data[2:6], "little") <= 10


def _native(value: bytes) -> bytes:
    start = 78 if value[78:80] == b"BM" else 85
    return value[start : start + int.from_bytes(value[start - 4 : start], "little")]


def test_the_seventh_digit_of_a_date_is_recorded_as_a_loss(database: Target) -> None:
    with AccessSource(REFERENCE / "extDateV2019.accdb") as source:
        migrate(source, database, "Table1", {})
        (ticks,) = [b.frame["DateExt"].drop_nulls() for b in source.batches("Table1", batch_rows=100)]
    cut = [value for value in ticks if value % 10]
    with connect(database, application_name="t", autocommit=True) as connection:
        statement = "select before, after from _naru.loss where rule = 'seventh_digit' order by before"
        losses = connection.execute(statement).fetchall()
    assert sorted(before[-1] for before, _ in losses) == sorted(str(value)[-1] for value in cut)
    assert losses
    assert all(before[:-1].startswith(after) for before, after in losses), "but for the seventh digit nothing is gone"
