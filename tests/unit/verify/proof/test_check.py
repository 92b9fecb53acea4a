"""A target held against a proof: whatever was changed since is found in the table where it was changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from pipeline.engine.summary import verdict, verified_plan
from pipeline.errors import UsageError
from pipeline.outcome import Agreement, Level, Rechecked, Verdict
from pipeline.postgres.connect import Connection, Target
from pipeline.record import Run
from pipeline.verify.proof.check import check_proof
from pipeline.verify.proof.document import Proof, as_bytes
from pipeline.verify.proof.make import make_proof
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
    source,
    table,
)

ITEM = table("item", (column("id"), column("code", "Text(9)")), key("id"))
PART = table("part", (column("id"), column("item")), key("id"), references=(reference("item", "item"),))
LOOSE = table("loose", (column("id"), column("note", "Text(9)")))
RUN = Run("r1", "verify", "shop.accdb", "f", "c" * 64, "0.1.0")
Prove = Callable[..., Proof]


def given() -> FrameSource:
    return source(
        {
            ITEM: [(1, "a "), (2, "나"), (3, None)],
            PART: [(1, 1), (2, 1), (3, None)],
            LOOSE: [(1, "x"), (1, "x"), (2, "y")],
        }
    )


@pytest.fixture
def prove(connection: Connection, database: Target) -> Prove:
    """Migrates and verifies; the proof of it."""

    def proven(made: FrameSource | None = None, tables: dict[str, dict[str, str]] | None = None) -> Proof:
        made = made or given()
        plan = plan_of(made, retyped(mapping_of(made, tables), "item", "code", trim="both"))
        if tables:
            make_by_hand(connection, plan)
            connection.execute("insert into loose values (9, 'theirs')")
        migrate(made, plan, database)
        found = verified_plan(connection, plan, made, Level.CONTENT)
        return make_proof(RUN, "t", verdict(found.findings), found, datetime(2026, 11, 21, tzinfo=UTC))

    return proven


def told(connection: Connection, proof: Proof) -> dict[str, Rechecked]:
    return {table.table: table for table in check_proof(connection, proof)}


def test_what_was_verified_stands_in_the_proof(prove: Prove) -> None:
    proof = prove()
    assert (proof.verdict, proof.findings, proof.verified_at) == (Verdict.COMPLETE, 0, "2026-11-21T00:00:00Z")
    item, part, loose = sorted(proof.tables, key=lambda table: ("item", "part", "loose").index(table.name))
    assert [(c.name, c.type) for c in item.columns] == [("id", "integer"), ("code", "varchar(9)")]
    assert (item.source_rows, item.rows, item.filtered, item.key) == (3, 3, 0, ("id",))
    assert [(kind.column, kind.rule, kind.count) for kind in item.losses.kinds] == [("code", "trim", 1)]
    assert (loose.key, loose.rejects.kinds, part.losses.kinds) == ((), (), ())
    assert "나" not in as_bytes(proof).decode(), "no value is in it"


def test_nothing_changed_is_equal_also_in_another_order_and_without_a_ledger(
    prove: Prove, connection: Connection
) -> None:
    proof = prove()
    connection.execute(
        """drop schema _naru cascade; update item set code = code; create index on loose (note);
        alter table loose add later text; alter table loose rename column id to i; alter table loose rename i to id"""
    )
    assert {it.table: (it.agreement, it.rows_found) for it in told(connection, proof).values()} == {
        f"public.{name}": (Agreement.EQUAL, 3) for name in ("item", "part", "loose")
    }


@pytest.mark.parametrize(
    ("statement", "name", "found", "detail"),
    [
        ("update item set code = 'A' where id = 1", "item", 3, "not the same values"),
        ("update item set code = code || ' ' where id = 2", "item", 3, "not the same values"),
        ("update item set code = '' where id = 3", "item", 3, "not the same values"),
        ("delete from part where id = 3", "part", 2, "other rows"),
        ("insert into loose values (1, 'x')", "loose", 4, "other rows"),
        ("update loose set note = case note when 'x' then 'y' else 'x' end", "loose", 3, "not the same values"),
        ("update part set item = id, id = 4 where id = 3", "part", 3, "not the same values"),
        ("alter table item rename code to kode", "item", None, "column code does not exist"),
        ("alter table item alter code type text", "item", None, "column code is text, not varchar(9)"),
        ("alter table part alter item type bigint", "part", None, "column item is bigint, not integer"),
        ("truncate loose", "loose", 0, "other rows"),
    ],
)
def test_what_was_changed_is_told_of_its_table_alone(
    prove: Prove, connection: Connection, statement: str, name: str, found: int | None, detail: str
) -> None:
    proof = prove()
    connection.execute(statement)  # type: ignore[call-overload]
    (differs,) = (it for it in told(connection, proof).values() if it.agreement is not Agreement.EQUAL)
    assert (differs.table, differs.agreement, differs.rows_found) == (f"public.{name}", Agreement.DIFFERS, found)
    assert detail in differs.detail
    assert differs.rows_proven == 3


@pytest.mark.parametrize("instead", ["", "create view loose as select 1 as id, 'x'::varchar(9) as note"])
def test_a_table_that_is_gone_is_missing(prove: Prove, connection: Connection, instead: str) -> None:
    proof = prove()
    connection.execute(f"drop table loose; {instead}")  # type: ignore[call-overload]
    assert told(connection, proof)["public.loose"].agreement is Agreement.MISSING


def test_rows_of_others_are_told_as_not_checked(prove: Prove, connection: Connection) -> None:
    proof = prove(tables={"loose": {"load": "append"}})
    (loose,) = (table for table in proof.tables if table.name == "loose")
    assert (loose.others, loose.rows, loose.hash) == (True, None, None)
    connection.execute("delete from loose")
    assert told(connection, proof)["public.loose"].agreement is Agreement.UNCHECKED
    assert told(connection, proof)["public.item"].agreement is Agreement.EQUAL


def test_a_proof_of_differences_is_refused(prove: Prove, connection: Connection) -> None:
    made = source({ITEM: [(1, "a"), (1, "b")], PART: [(1, 9)], LOOSE: []})
    proof = prove(made)
    assert proof.verdict is Verdict.DIFFERENCES
    item, part, loose = sorted(proof.tables, key=lambda table: ("item", "part", "loose").index(table.name))
    assert [[(it.stage, it.reason, it.count) for it in table.rejects.kinds] for table in (item, part, loose)] == [
        [("constraint", "duplicate_key", 1)],
        [("constraint", "orphan", 1)],
        [],
    ]
    assert (item.rows, part.rows, loose.rows) == (1, 0, 0), "of the table alone"
    assert item.rejects.hash != part.rejects.hash != loose.rejects.hash == loose.hash == "0" * 32
    with pytest.raises(UsageError, match="proves nothing: its verdict is differences, findings 2"):
        check_proof(connection, proof)
