"""What is PostgreSQL's verdict on a statement, and what says nothing of it."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.savepoint import refused
from pipeline.postgres.sql import SQL, Composed, Literal


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def raising(sqlstate: str) -> Composed:
    return SQL("do $$ begin raise 'not this one' using errcode = {}; end $$").format(Literal(sqlstate))


def test_a_refusal_is_told_and_takes_nothing_with_it(connection: Connection) -> None:
    with connection.transaction():
        connection.execute("create table stays (a int)")
        said = refused(connection, [raising("42883")], timeout_s=5)
    assert said is not None
    assert said.startswith("not this one;")
    assert connection.execute("select count(*) from stays").fetchone() == (0,)


@pytest.mark.parametrize("sqlstate", ["40P01", "40001", "57P01", "08006"])
def test_what_says_nothing_of_the_statement_is_no_refusal(connection: Connection, sqlstate: str) -> None:
    with pytest.raises(psycopg.Error) as error:
        refused(connection, [raising(sqlstate)], timeout_s=5)
    assert error.value.sqlstate == sqlstate
