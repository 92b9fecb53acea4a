"""The content of a table as one text: every change of a value shows, no move of a row does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pipeline.catalog import Table
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.content import content, imprint

THERE = Table("t", (), "public")
MADE = """
create table t (id int, small smallint, big bigint, name text, f float8, n numeric, b bytea,
    z timestamptz, at timestamp, j json, u uuid, a int[], "t" boolean);
insert into t values
    (1, 1, 1, 'a', 0.0, 1.0, '\\x00', 'infinity', '2020-01-01', '{}', gen_random_uuid(), '{1}', true),
    (2, 2, 2, 'b', 'NaN', NULL, '', '2020-01-01', 'infinity', NULL, NULL, '{}', NULL);
insert into t values (NULL);
"""
CHANGES = {
    "swapped": "update t set name = case id when 1 then 'b' else 'a' end where id in (1, 2)",
    "swapped numbers": "update t set small = 3 - small where small is not null",
    "one row more": "insert into t select * from t where id is null",
    "one row less": "delete from t where id is null",
    "one for another": "delete from t where id is null; insert into t select * from t where id = 1",
    "another case": "update t set name = 'A' where id = 1",
    "minus zero": "update t set f = '-0.0' where id = 1",
    "a digit of scale": "update t set n = 1.00 where id = 1",
    "empty for null": "update t set name = '' where id is null",
    "null for empty": "update t set b = NULL where id = 2",
    "a byte": "update t set b = '\\x01' where id = 1",
    "a space in json": "update t set j = '{ }' where id = 1",
    "another moment": "update t set at = at + interval '1 us' where id = 1",
    "another zoned moment": "update t set z = '-infinity' where id = 1",
    "false for null": "update t set t = false where id = 2",
    "a column more": "alter table t add c int",
    "a column's name": "alter table t rename name to called",
}


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(MADE)
        yield connection


def test_every_change_shows_and_ends_where_it_is_taken_back(connection: Connection) -> None:
    before = content(connection, THERE)
    assert before is not None
    assert before.startswith("3 rows")
    seen = {before}
    for name, statement in CHANGES.items():
        with connection.transaction(force_rollback=True):
            connection.execute(statement)  # type: ignore[arg-type]
            now = content(connection, THERE)
        assert now not in seen, name
        seen.add(now)
    assert content(connection, THERE) == before


def test_neither_the_order_nor_the_session_shows(connection: Connection, database: Target) -> None:
    before = content(connection, THERE)
    connection.execute(
        "create temp table kept as table t; truncate t; insert into t select * from kept order by id desc"
    )
    assert content(connection, THERE) == before
    connection.execute(
        "alter role current_user set timezone = 'Asia/Seoul'; alter role current_user set extra_float_digits = -3"
    )
    try:
        with connect(database, application_name="t", autocommit=True) as other:
            assert content(other, THERE) == before
    finally:
        connection.execute("alter role current_user reset all")


def test_no_table_no_column(connection: Connection) -> None:
    assert content(connection, Table("none", (), "public")) is None
    connection.execute("create table bare (); insert into bare default values")
    assert str(content(connection, Table("bare", (), "public"))).startswith("1 rows, []")


def test_whatever_is_written_leaves_an_imprint(connection: Connection) -> None:
    before = imprint(connection, THERE)
    assert before is not None
    assert before.startswith("3 rows")
    for name, statement in [*CHANGES.items(), ("the same value", "update t set id = id where id = 1")]:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)  # type: ignore[arg-type]
            assert imprint(connection, THERE) != before, name
    connection.execute("vacuum (full, freeze, analyze) t")
    assert imprint(connection, THERE) == before


def test_of_no_rows_and_no_table(connection: Connection) -> None:
    connection.execute("delete from t")
    assert str(imprint(connection, THERE)).startswith("0 rows")
    assert imprint(connection, Table("gone", (), "public")) is None
