"""COPY of a frame: what a data error is, and what is none."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.catalog import Column, SqlType, Table
from pipeline.errors import TargetError
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.copy import RowsRefused, copy_in, insert_json
from pipeline.postgres.sql import relation
from pipeline.postgres.wire import CopyEncoder


@pytest.fixture
def connection(database: Target):  # type: ignore[no-untyped-def]
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def made(connection: Connection, type: str, then: str = "") -> tuple[Table, CopyEncoder]:
    table = Table("t%s", (Column("c%s", SqlType.parse(type)), Column("n", SqlType("integer"))), "public")
    connection.execute(ddl.create_bare(table))
    if then:
        connection.execute(then)  # type: ignore[arg-type]
    return table, CopyEncoder(table)


@pytest.mark.parametrize(
    ("type", "value", "then", "sqlstate"),
    [
        ("jsonb", "{", "", "22P02"),
        ("json", '{"a": }', "", "22P02"),
        ("inet", "nowhere", "", "22P02"),
        ("varchar(2)", "abc", "", "22001"),
        ("interval", "soon", "", "22007"),
        ("text", "a", 'alter table "t%s" add check (n > 5)', "23514"),
        ("text", "a", 'create unique index on "t%s" ("c%s")', "23505"),
    ],
)
def test_a_row_that_postgresql_refuses_is_told_from_a_failure(
    connection: Connection, type: str, value: str, then: str, sqlstate: str
) -> None:
    table, encoder = made(connection, type, then)
    frame = pl.DataFrame({"c%s": [value, value], "n": [1, 2]}, schema={"c%s": pl.String, "n": pl.Int32})
    with pytest.raises(RowsRefused) as refused:
        copy_in(connection, relation(table), encoder, encoder.encode(frame))
    assert refused.value.sqlstate == sqlstate
    assert connection.execute('select count(*) from "t%s"').fetchone() == (0,)


def test_a_table_that_is_gone_is_a_failure_that_names_it(connection: Connection) -> None:
    table, encoder = made(connection, "text")
    connection.execute('drop table "t%s"')
    frame = pl.DataFrame({"c%s": ["a"], "n": [1]}, schema={"c%s": pl.String, "n": pl.Int32})
    with pytest.raises(TargetError, match="writing to table t%s"):
        copy_in(connection, relation(table), encoder, encoder.encode(frame))


def test_a_payload_of_many_pieces_arrives_whole(connection: Connection) -> None:
    table, encoder = made(connection, "text")
    long = "가" * 1_000_000
    frame = pl.DataFrame({"c%s": [long, None, long], "n": [1, 2, 3]}, schema={"c%s": pl.String, "n": pl.Int32})
    copy_in(connection, relation(table), encoder, encoder.encode(frame))
    assert connection.execute('select n, length("c%s") from "t%s" order by n').fetchall() == [
        (1, 1_000_000),
        (2, None),
        (3, 1_000_000),
    ]


def test_the_order_of_the_frame_s_columns_does_not_matter(connection: Connection) -> None:
    table, encoder = made(connection, "integer")
    frame = pl.DataFrame({"n": [1], "c%s": [2], "more": [3]}, schema={"n": pl.Int32, "c%s": pl.Int32, "more": pl.Int32})
    copy_in(connection, relation(table), encoder, encoder.encode(frame))
    assert connection.execute('select "c%s", n from "t%s"').fetchall() == [(2, 1)]


def test_a_row_of_json_is_inserted_or_refused(connection: Connection) -> None:
    table, _ = made(connection, "numeric(19,4)", 'alter table "t%s" alter n set not null')
    connection.execute('alter table "t%s" alter n add generated always as identity')
    assert insert_json(connection, table, '{"c%s": 12345678901234.5678, "n": 7}')
    assert connection.execute('select "c%s"::text, n from "t%s"').fetchall() == [("12345678901234.5678", 7)]
    with pytest.raises(RowsRefused):
        insert_json(connection, table, '{"c%s": "x", "n": 7}')
