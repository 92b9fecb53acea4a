"""What the ledger keeps, whatever the rows hold."""

from __future__ import annotations

import pytest

from pipeline.batch import Defect, Position
from pipeline.catalog import Table
from pipeline.ledger.ledger import Ledger
from pipeline.outcome import Reject, Stage
from pipeline.postgres.connect import Connection
from pipeline.record import Load, Run

TARGET = Table('t"%s', (), "public")


@pytest.fixture
def ledger(connection: Connection) -> Ledger:
    ledger = Ledger(connection)
    ledger.install()
    ledger.begin(Run("r", "migrate", "s", "f", "m", "0"))
    ledger.open_load(Load("public", TARGET.name, "T", "r", "f", "m", None))
    return ledger


def reject(reason: str, stage: Stage = Stage.TRANSFORM, **values: object) -> Reject:
    return Reject("T", 7, stage, reason, "column \0 \ud83d:\t\\N\n한글", {"\0": b"\xff"}, values)


def test_hostile_values_are_kept_and_come_back(connection: Connection, ledger: Ledger) -> None:
    hostile = [
        reject("u0000", text="a\0b\\N\t\n", defect=Defect(0, "c", "lone \ud83d", b"\x3d\xd8", "\ufffd")),
        reject("orphan", Stage.SOURCE, none=None, number=float("nan")),
    ]
    ledger.add_rejects("r", TARGET, hostile)
    with connection.transaction():
        found = list(ledger.rejects(schema="public", table=TARGET.name))
    assert [stored.reject.values.get("text") for stored in found] == ["a\0b\\N\t\n", None]
    assert found[0].reject.values["defect"] == hostile[0].values["defect"]
    assert found[0].reject.key == {"\0": b"\xff"}
    assert found[0].reject.detail == "column \\u0000 \\ud83d:\t\\N\n한글"


def test_a_quarantined_row_of_json_is_not_taken_for_a_tag(connection: Connection, ledger: Ledger) -> None:
    connection.execute(
        """insert into _naru.reject
            (run_id, target_schema, target_table, source_table, stage, reason, detail, key, row_values)
        values ('r', 'public', 't', 'T', 'constraint', 'orphan', '', '{}', '{"j": {"$date": "no date"}}')"""
    )
    with connection.transaction():
        [stored] = ledger.rejects(table="t")
    assert stored.reject.values == {"j": {"$date": "no date"}}


def test_counts_follow_what_is_added(connection: Connection, ledger: Ledger) -> None:
    ledger.advance("r", TARGET, Position({"page": 3}), read=10, filtered=2, loaded=5, seconds=0.5)
    ledger.advance("r", TARGET, Position([1, "x"]), read=5, filtered=0, loaded=5, seconds=0.5)
    ledger.add_rejects("r", TARGET, [reject("a"), reject("b"), reject("a")])
    load = ledger.load(TARGET)
    assert load is not None
    assert (load.batches, load.rows_read, load.rows_filtered, load.rows_rejected) == (2, 15, 2, 3)
    assert load.position == Position([1, "x"])
    assert [(count.reason, count.count) for count in ledger.reject_summary()] == [("a", 2), ("b", 1)]


def test_a_new_load_forgets_the_earlier_one(connection: Connection, ledger: Ledger) -> None:
    ledger.advance("r", TARGET, Position(1), read=1, filtered=0, loaded=1, seconds=0.1)
    ledger.add_rejects("r", TARGET, [reject("a")])
    ledger.begin(Run("r2", "migrate", "s", "g", "m", "0"))
    ledger.open_load(Load("public", TARGET.name, "T", "r2", "g", "m", "stage_1"))
    load = ledger.load(TARGET)
    assert load is not None
    assert (load.run_id, load.staging, load.position, load.rows_read, load.rows_rejected) == (
        "r2",
        "stage_1",
        None,
        0,
        0,
    )
    assert ledger.reject_summary() == []
