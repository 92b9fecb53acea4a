"""A repair that must not be, or is in the way of others, ends before it has done anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.errors import LockedError, MappingError, NaruError, SourceChanged, TargetError, UsageError
from pipeline.ledger import lock
from pipeline.outcome import Repaired
from pipeline.postgres.connect import Connection, Target
from tests.unit.engine.repair.cases import Case, given
from tests.unit.load.walk import mapping_of, plan_of, retyped, rows


def test_another_source_or_mapping_is_refused(database: Target, connection: Connection, tmp_path: Path) -> None:
    made = given()
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("update item set code = 'x'")
    other = plan_of(made, retyped(mapping_of(made), "item", "code", trim="end"))
    with pytest.raises(MappingError, match="mapping of table item has changed"):
        case.repair(plan=other)
    made.frames = {**made.frames, "loose": made.frames["loose"].head(1)}
    with pytest.raises(SourceChanged, match="changed since run r1 loaded table item"):
        case.repair()


def test_a_source_that_is_written_to_meanwhile_is_refused(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    made = given()
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("update item set code = 'x'")
    frames = made.frames

    def change(_: Sequence[Repaired]) -> None:
        made.frames = {**frames, "loose": frames["loose"].head(1)}

    case.agree = change  # type: ignore[method-assign]
    with pytest.raises(SourceChanged, match="was written to since the repair began"):
        case.repair()
    assert rows(connection, "select count(*) from item where code = 'x'") == [(8,)]


def test_a_no_is_the_end_of_it(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x'")

    def no(_: Sequence[Repaired]) -> None:
        raise UsageError("no")

    case.agree = no  # type: ignore[method-assign]
    with pytest.raises(UsageError):
        case.repair()
    assert rows(connection, "select count(*) from item where code = 'x'") == [(8,)]
    assert rows(connection, "select run_id from _naru.run") == [("r1",)]


def test_a_row_that_others_change_meanwhile_is_not_overwritten(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")

    def meanwhile(_: Sequence[Repaired]) -> None:
        connection.execute("update item set code = 'newer' where id = 1")

    case.agree = meanwhile  # type: ignore[method-assign]
    with pytest.raises(TargetError, match="could not serialize access") as error:
        case.repair()
    assert "run again" in (error.value.hint or "")
    assert rows(connection, "select code from item where id = 1") == [("newer",)]


def test_one_repair_at_a_time(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    lock.acquire(connection)
    with pytest.raises(LockedError):
        case.repair()


@pytest.mark.parametrize("may", ["select", "select, update, insert, delete"])
def test_a_role_that_may_not_write_ends_in_our_error(
    database: Target, connection: Connection, tmp_path: Path, may: str
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    connection.execute("drop role if exists reader")
    connection.execute("create role reader login password 'reads'")
    try:
        connection.execute(
            "grant usage on schema public, _naru to reader; grant select on all tables in schema public to reader"
        )
        connection.execute(f"grant {may} on all tables in schema _naru to reader")  # type: ignore[call-overload]
        with pytest.raises(NaruError, match="permission denied") as error:
            case.repair(target=replace(database, user="reader", password=SecretStr("reads")))
        assert "grant" in (error.value.hint or "")
        assert rows(connection, "select code from item where id = 1") == [("x",)]
    finally:
        connection.execute("drop owned by reader; drop role reader")
