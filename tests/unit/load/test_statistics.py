"""What the planner has to know: gathered for every table, and nothing that is in its way ends a run or waits."""

from __future__ import annotations

from dataclasses import replace

import psycopg

from pipeline.catalog import Column, SqlType, Table
from pipeline.load.statistics import gather_statistics
from pipeline.postgres.connect import Connection, Target

_NAMES = ["first", "second", "third"]
_NAMED = {"application_name": "statistics"}
_TABLES = [Table(name, (Column("n", SqlType.parse("integer")),), schema="public") for name in _NAMES]


def _make(connection: Connection) -> None:
    for name in _NAMES:
        connection.execute(f"create table {name} as select n, n % 7 as week from generate_series(1, 700) as n")


def _gather(target: Target) -> list[str]:
    return [notice.text for notice in gather_statistics(target, _TABLES, **_NAMED)]


def _with_statistics(connection: Connection) -> list[str]:
    found = connection.execute("select distinct tablename::text from pg_stats where schemaname = 'public' order by 1")
    return [name for (name,) in found]


def test_every_table_has_statistics_of_the_rows_it_holds(database: Target, connection: Connection) -> None:
    _make(connection)
    assert _with_statistics(connection) == []
    assert _gather(database) == []
    assert _with_statistics(connection) == _NAMES
    found = connection.execute("select n_distinct from pg_stats where tablename = 'second' and attname = 'week'")
    assert found.fetchall() == [(7,)]


def test_a_table_that_somebody_has_locked_is_not_waited_for(database: Target, connection: Connection) -> None:
    _make(connection)
    with psycopg.connect(database.url().get_secret_value()) as another:
        another.execute("lock table second in share row exclusive mode")
        assert _gather(database) == []
    assert _with_statistics(connection) == ["first", "third"]


def test_what_cannot_be_gathered_is_told_and_raises_nothing(database: Target, connection: Connection) -> None:
    _make(connection)
    connection.execute("drop table second")
    [told] = _gather(database)
    assert told.startswith('gathering statistics of table second: relation "public.second" does not exist; queries may')
    assert _with_statistics(connection) == ["first", "third"]


def test_an_index_that_cannot_be_computed_is_in_the_way_of_its_own_table_alone(
    database: Target, connection: Connection
) -> None:
    _make(connection)
    connection.execute("create function f(n integer) returns integer immutable language sql as 'select 1'")
    connection.execute("create index on second (f(n))")
    connection.execute("create or replace function f(n integer) returns integer immutable language sql as 'select n/0'")
    [told] = _gather(database)
    assert told.startswith("gathering statistics of table second: division by zero")
    assert _with_statistics(connection) == ["first", "third"]


def test_a_connection_that_is_lost_is_told_once(database: Target, connection: Connection) -> None:
    _make(connection)
    end = "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'statistics'"
    gathering = gather_statistics(database, [_TABLES[0], replace(_TABLES[1], name="nowhere"), *_TABLES], **_NAMED)
    assert "does not exist" in next(gathering).text
    connection.execute(end)
    [told] = gathering
    assert told.text.startswith("gathering statistics of table first: terminating connection")


def test_a_server_that_refuses_the_connection_is_told_and_raises_nothing(database: Target) -> None:
    [told] = _gather(replace(database, database="nowhere"))
    assert 'database "nowhere" does not exist' in told
