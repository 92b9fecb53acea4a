"""What was found is written: for every type, the smallest change is taken back to the value that the source has."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.load.rewrite import Rewrite, Staging, rewrite
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.verify.amendment import amendments, find
from pipeline.verify.sides import Sides
from pipeline.verify.subject import Subject
from tests.unit.verify.compared import filled, table_of, told
from tests.unit.verify.test_content import CHANGES


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def rewritten(connection: Connection, subject: Subject) -> tuple[int, int, int]:
    """Write what differs; gives the rows that were rewritten, inserted and deleted."""
    assert subject.content is not None
    sides = Sides(connection, subject.target, subject.content, subject.ordered)
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        staging = Staging(connection, subject.target, 0)
        staging.make()
        (found,) = amendments(sides, shared=False)
        staging.stand(found.standing)
        for part in find(sides, found.wanted):
            staging.want(part.frame, part.numbers)
        counts = (found.rewritten, found.inserted, found.deleted)
        rewrite(connection, [Rewrite(staging, sorted(found.changed), *counts)])
        staging.drop()
    return counts


@pytest.mark.parametrize("change", CHANGES)
def test_a_value_of_each_type_comes_back(connection: Connection, change: str) -> None:
    type, value, other, _, _ = CHANGES[change]
    table = table_of({"id": "integer", "row": type, "locator": "text"}, "id")
    subject = filled(connection, table, [(1, value, "x"), (2, value, None), (3, None, "x"), (4, value, "y")])
    connection.execute(f"update t set row = {other} where id = 2; delete from t where id = 4")  # type: ignore[call-overload]
    assert rewritten(connection, subject) == (1, 1, 0)
    assert told(connection, subject) == []


def test_of_many_types_each_column_gets_its_own_value(connection: Connection) -> None:
    """All at once, and named as the frames of a comparison name theirs."""
    names = ["row", "key", "bucket", "locator", "number", "nth", "tableoid_", "ctid_", "at", "naru wanted"]
    types = dict(zip(names, ["text", "integer", "date", "jsonb", "bytea", "boolean", "real", "uuid"] * 2, strict=False))
    table = table_of({"%s": "integer"} | types, "%s")
    values = {"text": 'a"b', "integer": 7, "date": None, "jsonb": "[1]", "bytea": b"\0", "boolean": True, "real": -0.0}
    row = tuple(values.get(type, b"\1" * 16) for type in types.values())
    subject = filled(connection, table, [(n, *row) for n in range(5)])
    nulls = ", ".join(f'"{name}" = null' for name in types)
    connection.execute(f'update t set {nulls} where "%s" > 2')  # type: ignore[call-overload]
    assert rewritten(connection, subject) == (2, 0, 0)
    assert told(connection, subject) == []


def test_equal_rows_without_a_key_are_told_apart_by_their_places(connection: Connection) -> None:
    subject = filled(connection, table_of({"a": "text"}), [("x",)] * 4 + [(None,)])
    connection.execute("update t set a = 'y' where ctid in (select ctid from t where a = 'x' limit 3)")
    assert rewritten(connection, subject) == (0, 3, 3)
    assert told(connection, subject) == []
    assert connection.execute("select count(*) from t where a = 'x'").fetchone() == (4,)
