"""One row in a hundred is poisoned: all others arrive, and the quarantine and verify name exactly those."""

from __future__ import annotations

import random
from collections import Counter
from decimal import Decimal

import polars as pl
import pytest

from pipeline.catalog import Catalog, Column, ForeignKey, Index, IndexPart, SqlType, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.postgres.connect import Target, connect
from pipeline.record import Run
from tests.frames import FrameSource
from tests.unit.engine.test_run import Silent

ROWS = 20_000
ITEMS = Table(
    "Items",
    (Column("ID", SqlType("Long"), nullable=False), Column("Name", SqlType("Text", (40,)))),
    indexes=(Index("PK", (IndexPart("ID"),), unique=True, primary=True),),
)
STEPS = Table(
    "Steps",
    (
        Column("ID", SqlType("Long"), nullable=False),
        Column("Item", SqlType("Long")),
        Column("Name", SqlType("Text", (40,)), nullable=False),
        Column("Rate", SqlType("Decimal", (18, 4))),
    ),
    indexes=(Index("PK", (IndexPart("ID"),), unique=True, primary=True),),
    foreign_keys=(ForeignKey("fk", ("Item",), "Items", ("ID",)),),
)
POISONS = ("duplicate_key", "orphan", "null_in_required", "u0000", "cast", "too_long")


def poisoned(seed: int) -> tuple[pl.DataFrame, dict[int, str]]:
    """Rows of Steps, and the reason that each poisoned row (by number) is to be refused for."""
    chance = random.Random(seed)
    rows = [[i, i % 500 + 1, f"공정 {i}", Decimal(i) / 8] for i in range(ROWS)]
    poison = {
        row: POISONS[n % len(POISONS)] for n, row in enumerate(sorted(chance.sample(range(1, ROWS), ROWS // 100)))
    }
    for row, reason in poison.items():
        match reason:
            case "duplicate_key":
                rows[row][0] = rows[row - 1][0] if row - 1 not in poison else 0
            case "orphan":
                rows[row][1] = 99_999
            case "null_in_required":
                rows[row][2] = None
            case "u0000":
                rows[row][2] = "nul\0byte"
            case "cast":
                rows[row][3] = Decimal("12345678.5")  # more than numeric(9,4) holds
            case "too_long":
                rows[row][2] = "가" * 41
    schema = {"ID": pl.Int32, "Item": pl.Int32, "Name": pl.String, "Rate": pl.Decimal(18, 4)}
    return pl.DataFrame(rows, schema=schema, orient="row"), poison


@pytest.mark.parametrize("batch_rows", [777, 20_000])
def test_each_poisoned_row_is_refused_for_its_reason_and_no_other(database: Target, batch_rows: int) -> None:
    steps, poison = poisoned(7)
    items = pl.DataFrame({"ID": range(1, 501), "Name": ["품목"] * 500}, schema={"ID": pl.Int32, "Name": pl.String})
    source = FrameSource(Catalog((STEPS, ITEMS)), {"Items": items, "Steps": steps})
    mapping = draft(source.catalog(), dialect=ACCESS).mapping
    steps_mapping = mapping.tables["Steps"]
    rate = steps_mapping.columns["Rate"].model_copy(update={"type": "numeric(9,4)"})
    edited = steps_mapping.model_copy(update={"columns": {**steps_mapping.columns, "Rate": rate}})
    mapping = mapping.model_copy(update={"tables": {**mapping.tables, "Steps": edited}})
    plan = make_plan(source.catalog(), mapping, ACCESS)
    fingerprint = source.fingerprint()
    run = Run("r", "migrate", "frames", fingerprint.digest, "", "0")
    Migration(source, plan, database, run, Options(batch_rows), Silent()).execute()

    with connect(database, application_name="t", autocommit=True) as connection:
        refused = connection.execute("select locator, reason from _naru.reject order by locator").fetchall()
        arrived = connection.execute("select id, item, name, rate from steps order by id").fetchall()
        findings = verify_plan(connection, plan, source)
    assert dict(refused) == poison
    assert arrived == [row for n, row in enumerate(steps.rows()) if n not in poison]
    expected = Counter(poison.values())
    assert {(f.verifier, f.table, f.subject): f.count for f in findings} == {
        ("rejects", "steps", reason): count for reason, count in expected.items()
    }
