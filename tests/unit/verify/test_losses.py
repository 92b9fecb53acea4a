"""What the mapping changed is what the ledger tells: every departure of the one from the other is found and named."""

from __future__ import annotations

from collections.abc import Mapping as Mappings
from typing import Any

import polars as pl
import pytest

from pipeline.batch import Batch, Position
from pipeline.engine.plan import Plan
from pipeline.engine.replay import replay
from pipeline.engine.summary import verify_plan
from pipeline.mapping.models import Encoding
from pipeline.outcome import Finding, Loss, Losses
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.transform.chain import Transformed
from pipeline.transform.origin import Origin
from pipeline.transform.step import Stepped
from pipeline.transform.text import Trim
from pipeline.verify import content
from pipeline.verify.losses import without_rule
from tests.frames import FrameSource
from tests.unit.load.walk import column, key, make_by_hand, mapping_of, migrate, plan_of, retyped, source, table

ITEM = table("item", (column("id"), column("note", "Memo")), key("id"))
LOOSE = table("loose", (column("id"), column("note", "Memo")))
NOTES = [(1, " a"), (2, "b"), (3, None), (4, "d "), (5, ""), (6, " \0")]
CHANGED, TOLD, OTHERWISE = (
    "changed by the mapping, and not in the ledger",
    "in the ledger, and not changed by the mapping",
    "changed otherwise than the ledger tells",
)


def trimmed(made: FrameSource, tables: Mappings[str, Mappings[str, Any]]) -> Plan:
    mapping = mapping_of(made, tables)
    for name in tables:
        mapping = retyped(mapping, name, "note", trim="both", encoding=Encoding(invalid="replace"), empty_to_null=True)
    return plan_of(made, mapping)


def verified(source: FrameSource, plan: Plan, target: Target) -> list[Finding]:
    with connect(target, application_name="t", autocommit=True) as connection:
        return list(verify_plan(connection, plan, source))


def told(source: FrameSource, plan: Plan, target: Target) -> list[tuple[str, str]]:
    """And nothing else is found."""
    found = verified(source, plan, target)
    assert {finding.verifier for finding in found} <= {"losses"}
    return [(finding.subject, finding.detail) for finding in found]


# What is done to the ledger, and what is told of it.
CORRUPTIONS = {
    "one deleted": (
        "delete from _naru.loss where locator = 0",
        f"1, {CHANGED}: at id=1: ' a' became 'a' by trim",
    ),
    "one doubled": (
        """insert into _naru.loss
            (run_id, target_schema, target_table, source_table, locator, key, column_name, target_column, rule, before)
        select run_id, target_schema, target_table, source_table, locator, key, column_name, target_column, rule, before
        from _naru.loss where locator = 4""",
        f"1, {TOLD}: at id=5: '' became NULL by empty_to_null",
    ),
    "another after": (
        "update _naru.loss set after = 'A' where locator = 0",
        f"1, {OTHERWISE}: at id=1: ' a' became 'a' by trim, the ledger tells ' a' became 'A' by trim",
    ),
    "a word for NULL": (
        "update _naru.loss set after = 'NULL' where locator = 4",
        f"1, {OTHERWISE}: at id=5: '' became NULL by empty_to_null, the ledger tells '' became 'NULL' by empty_to_null",
    ),
    "another before": (
        "update _naru.loss set before = 'd' where locator = 3",
        f"1, {OTHERWISE}: at id=4: 'd ' became 'd' by trim, the ledger tells 'd' became 'd' by trim",
    ),
    "another rule": (
        "update _naru.loss set rule = 'u0000' where locator = 5",
        f"1, {OTHERWISE}: at id=6: ' \\\\u0000' became '\\ufffd' by u0000+trim, "
        "the ledger tells ' \\\\u0000' became '\\ufffd' by u0000",
    ),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_ledger_that_tells_otherwise_is_found(database: Target, connection: Connection, corruption: str) -> None:
    made = source({ITEM: NOTES})
    plan = trimmed(made, {"item": {}})
    migrate(made, plan, database)
    assert told(made, plan, database) == []
    statement, expected = CORRUPTIONS[corruption]
    connection.execute(statement)  # type: ignore[call-overload]
    assert [(s, d.replace("\ufffd", "\\ufffd")) for s, d in told(made, plan, database)] == [("note", expected)]


def test_a_loss_of_another_row_or_column_is_two_findings(database: Target, connection: Connection) -> None:
    made = source({ITEM: NOTES})
    plan = trimmed(made, {"item": {}})
    migrate(made, plan, database)
    connection.execute("update _naru.loss set key = '{\"id\":2}' where locator = 0")
    connection.execute("update _naru.loss set target_column = 'id' where locator = 3")
    assert told(made, plan, database) == [
        ("note", f"2, {CHANGED}: at id=1: ' a' became 'a' by trim; at id=4: 'd ' became 'd' by trim"),
        ("note", f"1, {TOLD}: at id=2: ' a' became 'a' by trim"),
        ("id", f"1, {TOLD}: at id=4: 'd ' became 'd' by trim"),
    ]


def test_rows_without_a_key_are_told_by_their_place(database: Target, connection: Connection) -> None:
    made = source({LOOSE: [(1, " a"), (1, " a"), (2, "b")]})
    plan = trimmed(made, {"loose": {}})
    migrate(made, plan, database)
    connection.execute("delete from _naru.loss where locator = 1")
    assert told(made, plan, database) == [("note", f"1, {CHANGED}: at row 1 of the source: ' a' became 'a' by trim")]


class Unordered(FrameSource):
    """A source whose rows have no order, and come in another one each time they are read."""

    turns = 0

    def batches(self, table: str, **asked: Any) -> Any:
        self.turns += 1
        for batch in list(super().batches(table, **asked))[:: (-1) ** self.turns]:
            frame = batch.frame.reverse() if self.turns % 2 else batch.frame
            yield Batch(frame, batch.locators, Position(None))


def test_rows_without_a_key_or_an_order_are_counted(database: Target, connection: Connection) -> None:
    given = source({LOOSE: [(1, " a"), (1, " a"), (2, "b"), (3, "c ")]})
    made = Unordered(given.tables, given.frames)
    plan = trimmed(made, {"loose": {}})
    migrate(made, plan, database)
    assert told(made, plan, database) == []
    connection.execute("delete from _naru.loss where loss_id = (select min(loss_id) from _naru.loss where after = 'a')")
    assert told(made, plan, database) == [("note", f"1, {CHANGED}: at a row without a key: ' a' became 'a' by trim")]


@pytest.mark.parametrize("load", ["append", "upsert", "replace"])
def test_losses_follow_their_rows_whatever_becomes_of_them(database: Target, connection: Connection, load: str) -> None:
    made = source({ITEM: [*NOTES, (2, " twice"), (7, " x"), (None, " y")]})
    plan = trimmed(made, {"item": {"load": load}})
    make_by_hand(connection, plan)
    connection.execute("alter table item add check (note <> 'x')")
    connection.execute("insert into item values (1, 'old'), (9, ' theirs ')")
    migrate(made, plan, database)
    assert {finding.verifier for finding in verified(made, plan, database)} == {"rejects"}
    connection.execute("alter table item drop constraint item_note_check")
    replay(connection, plan)
    assert {finding.verifier for finding in verified(made, plan, database)} == {"rejects"}


def test_a_row_that_never_arrived_has_no_loss_until_it_is_replayed(database: Target, connection: Connection) -> None:
    made = source({ITEM: [(1, " 10.0.0.1"), (2, " no"), (3, " 10.0.0.3 ")]})
    plan = plan_of(made, retyped(mapping_of(made), "item", "note", type="inet", trim="both"))
    migrate(made, plan, database)
    assert [finding.verifier for finding in verified(made, plan, database)] == ["rejects"]
    connection.execute("delete from _naru.reject")
    found = {(finding.verifier, finding.subject) for finding in verified(made, plan, database)}
    assert {("content", "missing rows"), ("losses", "note")} <= found


def test_a_step_that_says_nothing_of_what_it_changes_is_found(
    database: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trim, "__call__", lambda _, values: Stepped(values.str.to_uppercase()))
    made = source({ITEM: NOTES})
    plan = trimmed(made, {"item": {}})
    migrate(made, plan, database)
    assert told(made, plan, database) == [
        (
            "note",
            f"3, {CHANGED}: at id=1: ' a' became ' A' by no rule; at id=2: 'b' became 'B' by no rule; "
            "at id=4: 'd ' became 'D ' by no rule",
        )
    ]


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        (pl.Series([0.5, 0.0]), pl.Series([0.5, -0.0]), ("0.0", "-0.0")),
        (pl.Series([0.5, float("nan")], dtype=pl.Float32), pl.Series([0.5, None], dtype=pl.Float32), ("NaN", None)),
        (pl.Series([7, 8], dtype=pl.UInt8), pl.Series([7, -8], dtype=pl.Int16), ("8", "-8")),
        (pl.Series(["a", None]), pl.Series(["a", ""]), (None, "")),
        (pl.Series([b"a", b""]), pl.Series([b"a", None]), ("\\x", None)),
        (pl.Series([True, False]), pl.Series([True, None]), ("false", None)),
    ],
)
def test_what_changes_by_no_rule_is_told_in_every_type_that_stays_what_it_is(
    before: pl.Series, after: pl.Series, shown: tuple[str | None, str | None]
) -> None:
    origin = Origin("T", ("id",), pl.DataFrame({"id": [1, 2], "s": before}), pl.Series([10, 20]))

    def found(arrived: pl.Series, *losses: Losses) -> list[Loss]:
        frame = pl.DataFrame({"t": arrived})
        batch = Transformed(frame, origin, Position(None), 2, 0, (), losses)
        return [loss for one in without_rule(batch, {"t": "s"}) for loss in one]

    assert found(before) == []
    assert found(after) == [Loss("T", 20, {"id": 2}, "s", "t", "no rule", *shown)]
    frame = pl.DataFrame({"locator": [20], "rule": ["trim"], "before": shown[:1], "after": shown[1:]})
    assert found(after, Losses("T", "s", "t", frame, pl.DataFrame({"id": [2]}))) == []


def test_of_many_losses_only_so_many_are_held(
    database: Target, connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = source({ITEM: [(n, f" {n}") for n in range(200)]})
    plan = trimmed(made, {"item": {}})
    migrate(made, plan, database, batch_rows=100)
    connection.execute("delete from _naru.loss")
    monkeypatch.setattr(content, "_CELLS_AT_ONCE", 100)
    ((subject, detail),) = told(made, plan, database)
    assert subject == "note"
    assert 0 < int(detail.split()[0]) <= 20
    assert " or more, " in detail
