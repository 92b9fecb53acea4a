"""Losses follow their rows: into the quarantine and out of it, through a restart, a resumed run and every load mode."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl
import pytest

from pipeline.catalog import Catalog, Column, SqlType
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import MSSQL
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.replay import replay
from pipeline.ledger.losses import loss_counts, losses
from pipeline.mapping.models import Encoding
from pipeline.postgres.connect import Connection, Target, connect
from tests.frames import FrameSource
from tests.unit.load.walk import (
    column,
    key,
    make_by_hand,
    mapping_of,
    migrate,
    plan_of,
    reference,
    retyped,
    rows,
    source,
    table,
)

ITEM = table("item", (column("id"), column("note", "Memo")), key("id"))
PART = table(
    "part",
    (column("id"), column("item"), column("note", "Memo")),
    key("id"),
    references=(reference("item", "item"),),
)
TICKS = 638_502_048_000_000_000
ZONED = pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as opened:
        yield opened


def told(connection: Connection) -> list[tuple[str, Any, str, str | None, str | None]]:
    with connection.transaction():
        found = [stored.loss for stored in losses(connection)]
    assert sum(row.count for row in loss_counts(connection)) == len(found)
    return sorted((loss.table, loss.key["id"], loss.rule, loss.before, loss.after) for loss in found)


def trimmed(made: FrameSource, *tables: str, **fields: Any) -> Plan:
    mapping = mapping_of(made, dict.fromkeys(tables, fields))
    for name in tables:
        mapping = retyped(mapping, name, "note", trim="both")
    return plan_of(made, mapping)


def moments(*values: tuple[int, int] | None) -> FrameSource:
    made = table("t", (Column("id", SqlType("int")), Column("v", SqlType.parse("datetimeoffset(7)"))), key("id"))
    cells = [value and {"ticks": TICKS + value[0], "offset": value[1]} for value in values]
    frame = pl.DataFrame({"id": range(len(cells)), "v": cells}, schema={"id": pl.Int32(), "v": ZONED})
    return FrameSource(Catalog((made,)), {"t": frame})


def test_the_offset_that_is_left_is_told_with_the_time_of_its_place(database: Target, connection: Connection) -> None:
    made = moments((0, 540), (0, 0), None, (5, 0), (5_000_007, -210), (-1, 845))
    mapping = draft(made.catalog(), dialect=MSSQL).mapping
    migrate(made, make_plan(made.catalog(), mapping, MSSQL), database)
    assert told(connection) == [
        ("t", 0, "offset", "2024-05-02 09:00:00+09:00", "2024-05-02 00:00:00+00"),
        ("t", 3, "seventh_digit", "2024-05-02 00:00:00.0000005+00:00", "2024-05-02 00:00:00+00"),
        ("t", 4, "offset+seventh_digit", "2024-05-01 20:30:00.5000007-03:30", "2024-05-02 00:00:00.5+00"),
        ("t", 5, "offset+seventh_digit", "2024-05-02 14:04:59.9999999+14:05", "2024-05-01 23:59:59.999999+00"),
    ]
    kept = make_plan(made.catalog(), retyped(mapping, "t", "v", offset="keep"), MSSQL)
    migrate(made, kept, database, run_id="r2", restart=True)
    assert [rule for _, _, rule, *_ in told(connection)] == ["seventh_digit"] * 3, "the offset has a column"


def test_rows_that_go_to_the_quarantine_take_their_losses_and_bring_them_back(
    database: Target, connection: Connection
) -> None:
    made = source({PART: [(1, 9, " orphan"), (2, 1, " kept"), (2, 1, " twice")], ITEM: [(1, "x")]})
    plan = trimmed(made, "part")
    migrate(made, plan, database)
    assert told(connection) == [("part", 2, "trim", " kept", "kept")]
    connection.execute("insert into item values (9)")
    assert replay(connection, plan) == (1, 1)
    assert told(connection) == [("part", 1, "trim", " orphan", "orphan"), ("part", 2, "trim", " kept", "kept")]


def test_what_is_replayed_through_the_chain_records_its_own(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, " a\0"), (2, " b")]})
    migrate(made, trimmed(made, "item"), database)
    assert told(connection) == [("item", 2, "trim", " b", "b")]
    lenient = retyped(mapping_of(made), "item", "note", trim="both", encoding=Encoding(invalid="replace"))
    assert replay(connection, plan_of(made, lenient)) == (1, 0)
    assert told(connection)[0] == ("item", 1, "u0000+trim", " a\\u0000", "a\ufffd")
    assert replay(connection, plan_of(made, lenient)) == (0, 0)
    assert len(told(connection)) == 2


def test_a_restarted_load_has_only_its_own(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, " a"), (2, " b")], PART: [(1, 1, " p")]})
    migrate(made, trimmed(made, "item", "part"), database)
    assert len(told(connection)) == 3
    migrate(made, trimmed(made, "part"), database, run_id="r2", restart=True)
    assert told(connection) == [("part", 1, "trim", " p", "p")]
    assert rows(connection, "select distinct run_id from _naru.loss") == [("r2",)]


def test_a_resumed_load_has_each_of_them_once(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(n, f" {n}") for n in range(9)]})

    def dies(_table: str, first: int) -> None:
        if first == 6:
            raise KeyboardInterrupt

    made.before_batch = dies
    plan = trimmed(made, "item")
    with pytest.raises(KeyboardInterrupt):
        migrate(made, plan, database)
    made.before_batch = lambda *_: None
    migrate(made, plan, database)
    assert [(key, before) for _, key, _, before, _ in told(connection)] == [(n, f" {n}") for n in range(9)]


@pytest.mark.parametrize(("load", "arrived"), [("append", [2]), ("upsert", [1, 2]), ("replace", [1, 2])])
def test_a_row_that_is_merged_keeps_its_losses_and_one_that_is_not_has_none(
    load: str, arrived: list[int], database: Target, connection: Connection
) -> None:
    made = source({ITEM: [(1, " a"), (2, " b"), (2, " twice")]})
    plan = trimmed(made, "item", load=load)
    make_by_hand(connection, plan)
    connection.execute("insert into item values (1, 'old')")
    migrate(made, plan, database)
    assert [key for _, key, *_ in told(connection)] == arrived
    assert {before.strip() for *_, before, _ in told(connection) if before} == {
        note for (note,) in rows(connection, "select note from item where note <> 'old'")
    }
