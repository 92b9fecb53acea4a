"""Content by corruption: the smallest change of each type is found, and told by key, column and both values."""

# ruff: noqa: DTZ001  (a timestamp without a zone has none)

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import polars as pl
import psycopg
import pytest

from pipeline.catalog import Identity, SqlType
from pipeline.errors import SourceChanged
from pipeline.ledger.ledger import Ledger
from pipeline.mapping.types import _TYPES as POSTGRES_TYPES
from pipeline.postgres import copy_out
from pipeline.postgres.connect import Connection
from pipeline.postgres.digest import hashed
from pipeline.transform.chain import Transformed
from pipeline.verify import content
from pipeline.verify.differences import Differences, kept
from pipeline.verify.sequences import verify_sequences
from pipeline.verify.subject import Content, Subject
from tests.unit.verify.compared import compared, filled, frame_of, subject_of, table_of, told

_NOON = dt.datetime(2024, 2, 29, 12)
_ID = UUID("12345678-1234-5678-1234-567812345678")
# Type, value, what PostgreSQL is told instead, and how both are shown.
CHANGES: dict[str, tuple[str, object, str, str, str]] = {
    "smallint": ("smallint", 32767, "32766", "32767", "32766"),
    "integer": ("integer", 0, "-1", "0", "-1"),
    "bigint": ("bigint", 2**63 - 1, f"{2**63 - 2}", "9223372036854775807", "9223372036854775806"),
    "numeric": ("numeric(19,4)", Decimal("1.5000"), "1.5001", "1.5000", "1.5001"),
    "numeric without a scale": ("numeric", "1.50", "1.500", "'1.50'", "'1.500'"),
    "real": ("real", 1.0, "1.0000001", "1.0", "1.0000001"),
    "double": ("double precision", 0.1, "0.10000000000000002", "0.1", "0.10000000000000002"),
    "minus zero": ("double precision", 0.0, "'-0'::float8", "0.0", "-0.0"),
    "minus zero, real": ("real", -0.0, "0", "-0.0", "0.0"),
    "infinity": ("double precision", 1.7976931348623157e308, "'inf'", "1.7976931348623157e+308", "inf"),
    "not a number": ("real", float("nan"), "null", "NaN", "NULL"),
    "boolean": ("boolean", True, "false", "t", "f"),
    "text": ("text", "한글", "'한굴'", "'한글'", "'한굴'"),
    "trailing blank": ("text", "a ", "'a'", "'a '", "'a'"),
    "no-break space": ("text", "a b", "U&'a\\00a0b'", "'a b'", "'a\\xa0b'"),
    "case": ("varchar(5)", "abc", "'Abc'", "'abc'", "'Abc'"),
    "composition": ("text", "가", "U&'\\1100\\1161'", "'\\uac00'", "'\\u1100\\u1161'"),
    "line end": ("text", "a\r\nb", "E'a\\nb'", "'a\\r\\nb'", "'a\\nb'"),
    "nothing for empty": ("text", "", "null", "''", "NULL"),
    "empty for nothing": ("text", None, "''", "NULL", "''"),
    "a word that looks like nothing": ("text", None, "'NULL'", "NULL", "'NULL'"),
    "char": ("char(3)", "ab", "'aB'", "'ab'", "'aB'"),
    "json as it stands": ("json", '{"a": 1}', "'{\"a\":1}'", "'{\"a\": 1}'", "'{\"a\":1}'"),
    "jsonb": ("jsonb", '{"a":1.0}', "'{\"a\":1}'", "'{\"a\": 1.0}'", "'{\"a\": 1}'"),
    "array": ("integer[]", "{1,NULL}", "'{1}'", "'{1,NULL}'", "'{1}'"),
    "interval": ("interval", "1 day", "'24 hours'", "'1 day'", "'24:00:00'"),
    "inet": ("inet", "10.0.0.1/32", "'10.0.0.1/31'", "'10.0.0.1'", "'10.0.0.1/31'"),
    "bytes": ("bytea", b"\0\xff", "'\\x00fe'", r"\x00ff", r"\x00fe"),
    "no bytes": ("bytea", b"", "null", r"\x", "NULL"),
    "list of texts": ("text[]", "{a,NULL}", "array['a', 'NULL']", "'{a,NULL}'", """'{a,"NULL"}'"""),
    "cidr": ("cidr", "10.0.0.0/24", "'10.0.0.0/25'", "'10.0.0.0/24'", "'10.0.0.0/25'"),
    "macaddr": ("macaddr", "08:00:2B:01:02:03", "'08:00:2b:01:02:04'", "'08:00:2b:01:02:03'", "'08:00:2b:01:02:04'"),
    "uuid": ("uuid", _ID.bytes, "'12345678-1234-5678-1234-567812345679'", f"{_ID}", f"{str(_ID)[:-1]}9"),
    "date": ("date", dt.date(1, 1, 1), "'0001-01-02'", "0001-01-01", "0001-01-02"),
    "a date that never comes": ("date", dt.date(9999, 12, 31), "'infinity'", "9999-12-31", "infinity"),
    "before our era": ("date", dt.date(44, 3, 15), "'0044-03-15 BC'", "0044-03-15", "0044-03-15 BC"),
    "time": ("time", dt.time(23, 59, 59, 999999), "'23:59:59.999998'", "23:59:59.999999", "23:59:59.999998"),
    "second": ("time(0)", dt.time(0), "'00:00:01'", "00:00:00", "00:00:01"),
    "end of the day": ("time", dt.time(0), "'24:00'", "00:00:00", "24:00:00"),
    "millisecond": (
        "timestamp(3)",
        _NOON,
        "'2024-02-29 11:59:59.999'",
        "2024-02-29 12:00:00",
        "2024-02-29 11:59:59.999",
    ),
    "microsecond": (
        "timestamp",
        _NOON,
        "'2024-02-29 12:00:00.000001'",
        "2024-02-29 12:00:00",
        "2024-02-29 12:00:00.000001",
    ),
    "zone": (
        "timestamptz",
        _NOON.replace(tzinfo=dt.UTC),
        "'2024-02-29 12:00:00+09'",
        "2024-02-29 12:00:00+00",
        "2024-02-29 03:00:00+00",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_the_smallest_change_is_told_with_key_and_both_values(connection: Connection, change: str) -> None:
    type, value, other, source, target = CHANGES[change]
    table = table_of({"id": "integer", "row": type, "locator": "text"}, "id")
    subject = filled(connection, table, [(1, value, "x"), (2, value, None), (3, None, "x")])
    assert told(connection, subject) == []
    connection.execute(f"update t set row = {other} where id = 2")  # type: ignore[call-overload]
    assert told(connection, subject) == [("row", f"1, at id=2: source {source}, target {target}")]


# What only an extension or a build of PostgreSQL knows; PostGIS is in none that the tests run on.
OPTIONAL = {
    "citext": ("'a'", "create extension citext", "a", "'A'", "'a'", "'A'"),
    "xml": ("'<a/>'", "select 1", "<a/>", "'<a></a>'", "'<a/>'", "'<a></a>'"),
}


@pytest.mark.parametrize("type", OPTIONAL)
def test_so_it_is_in_types_that_not_every_server_has(connection: Connection, type: str) -> None:
    example, make, value, other, source, target = OPTIONAL[type]
    try:
        connection.execute(make)  # type: ignore[call-overload]
        connection.execute(f"select {example}::{type}")  # type: ignore[call-overload]
    except psycopg.Error as error:
        pytest.skip(f"this PostgreSQL has no {type}: {error}")
    subject = filled(connection, table_of({"id": "integer", "row": type}, "id"), [(1, value), (2, value), (3, None)])
    assert told(connection, subject) == []
    connection.execute(f"update t set row = {other} where id = 2")  # type: ignore[call-overload]
    assert told(connection, subject) == [("row", f"1, at id=2: source {source}, target {target}")]


def test_every_type_that_a_mapping_may_name_has_its_smallest_change() -> None:
    changed = {SqlType.parse(type).name for type, *_ in CHANGES.values()} | {*OPTIONAL}
    assert {type.name for type in POSTGRES_TYPES} - changed == {"geometry", "geography"}


PAIRS = [(1, "a", "x"), (2, "b", "y"), (3, "c", None)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("delete from t where id = 2", [("missing rows", "1, id=2")]),
        ("insert into t select * from t where id = 2", [("extra rows", "1, id=2")]),
        ("update t set id = 9 where id = 2", [("missing rows", "1, id=2"), ("extra rows", "1, id=9")]),
        (
            "update t set one = case id when 1 then 'b' else 'a' end where id < 3",
            [("one", "2, at id=1: source 'a', target 'b'; at id=2: source 'b', target 'a'")],
        ),
        (
            "update t set one = two, two = one where id = 1",
            [("one", "1, at id=1: source 'a', target 'x'"), ("two", "1, at id=1: source 'x', target 'a'")],
        ),
        ("insert into t values (2, 'b', 'z')", [("extra rows", "1, id=2")]),
        ("truncate t", [("missing rows", "3, id=1; id=2; id=3")]),
    ],
)
def test_rows_are_told_by_their_key(connection: Connection, statement: str, expected: list[tuple[str, str]]) -> None:
    subject = filled(connection, table_of({"id": "integer", "one": "text", "two": "text"}, "id"), PAIRS)
    connection.execute(statement)  # type: ignore[call-overload]
    assert told(connection, subject) == expected


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("delete from t where id = 2", [("missing rows", "1, id=2, one='b', two='y'")]),
        ("insert into t select * from t where id = 2", [("extra rows", "1, id=2, one='b', two='y'")]),
        ("update t set two = '' where id = 3", [("two", "1, at id=3, one='c', two=NULL: source NULL, target ''")]),
        (
            "update t set one = 'q', two = 'q' where id = 3",  # too little is left to call it the same row
            [("missing rows", "1, id=3, one='c', two=NULL"), ("extra rows", "1, id=3, one='q', two='q'")],
        ),
    ],
)
def test_rows_without_a_key_are_told_by_their_cells(
    connection: Connection, statement: str, expected: list[tuple[str, str]]
) -> None:
    subject = filled(connection, table_of({"id": "integer", "one": "text", "two": "text"}), PAIRS)
    assert told(connection, subject) == []
    connection.execute(statement)  # type: ignore[call-overload]
    assert told(connection, subject) == expected


@pytest.mark.parametrize("two", "abcdefgh")
def test_many_rows_without_a_key_are_paired(connection: Connection, two: str) -> None:
    """Whatever their hashes are."""
    table = table_of({"id": "integer", "one": "text", "two": "text"})
    subject = filled(connection, table, [(n, str(n), two) for n in range(50)])
    connection.execute("update t set one = one || '!'")
    ((column, detail),) = told(connection, subject)
    assert (column, detail.split(",")[0]) == ("one", "50")
    assert f"at id=0, one='0', two='{two}': source '0', target '0!'" in detail


@pytest.mark.parametrize("key", ["id", None])
def test_two_columns_that_changed_places_are_both_told(connection: Connection, key: str | None) -> None:
    table = table_of({"id": "integer", "one": "text", "two": "text"}, *[key] * bool(key))
    subject = filled(connection, table, PAIRS)
    connection.execute("alter table t rename one to three; alter table t rename two to one")
    connection.execute("alter table t rename three to two")
    found = dict(told(connection, subject))
    if key is None:  # two cells of three are others: no row is called the same
        assert [detail.split(",")[0] for detail in found.values()] == ["3", "3"]
        assert [*found] == ["missing rows", "extra rows"]
        return
    assert found == {
        "one": "3, at id=1: source 'a', target 'x'; at id=2: source 'b', target 'y'; at id=3: source 'c', target NULL",
        "two": "3, at id=1: source 'x', target 'a'; at id=2: source 'y', target 'b'; at id=3: source NULL, target 'c'",
    }


@pytest.mark.parametrize("type", ["text", "integer", "double precision", "bytea", "jsonb", "char(2)"])
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_a_column_of_nothing_alone_is_an_empty_line_and_still_a_row(
    connection: Connection, type: str, rows: int
) -> None:
    subject = filled(connection, table_of({"a": type}), [(None,)] * rows)
    assert told(connection, subject) == []
    connection.execute("insert into t values (null)")
    assert told(connection, subject) == [("extra rows", "1, a=NULL")]


def test_what_postgresql_computes_is_not_the_source_s_to_tell(connection: Connection) -> None:
    table = table_of({"a": "integer"})
    computed = replace(table, columns=(replace(table.columns[0], generated="1 + 1"),))
    Ledger(connection).install()
    connection.execute("create table t (a integer generated always as (1 + 1) stored)")
    assert told(connection, subject_of(computed, pl.DataFrame({"a": []}))) == []


def test_names_are_no_part_of_a_statement(connection: Connection) -> None:
    table = table_of(
        dict.fromkeys(['i"d', "한글 이름", "it's", "%s %(a)s {}", "a, b", "locator", "row"], "text"), 'i"d'
    )
    subject = filled(connection, table, [("1", "2", "3", "4", "5", "6", "7"), (*["x"] * 6, None)])
    assert told(connection, subject) == []
    connection.execute("""update t set "한글 이름" = '0', "locator" = null where "it's" = '3'""")
    assert told(connection, subject) == [
        ("한글 이름", "1, at i\"d='1': source '2', target '0'"),
        ("locator", "1, at i\"d='1': source '6', target NULL"),
    ]


def test_rows_of_a_megabyte_are_compared_to_their_last_character(connection: Connection) -> None:
    table = table_of({"id": "integer", "a": "text"}, "id")
    subject = filled(connection, table, [(n, "한" * (1 << 20) + str(n)) for n in range(20)])
    assert told(connection, subject) == []
    connection.execute("update t set a = left(a, -1) || 'x' where id = 7")
    ((column, detail),) = told(connection, subject)
    assert (column, len(detail) < 600) == ("a", True)
    assert detail.startswith("1, at id=7: ")
    assert detail.endswith("behind its first 120 characters")


def test_an_identity_that_is_behind_is_told_with_the_number_in_use(connection: Connection) -> None:
    """Not in any row: a verifier of its own finds it."""
    connection.execute("create table t (id integer generated by default as identity, a text)")
    connection.execute("insert into t values (7, 'x')")
    table = table_of({"id": "integer", "a": "text"}, "id")
    numbered = replace(table, columns=(replace(table.columns[0], identity=Identity()), table.columns[1]))
    (finding,) = verify_sequences(connection, Subject("T", numbered, None, None))
    assert (finding.subject, finding.detail) == ("id", "the next number is 1, and 7 is in use")
    connection.execute("select setval(pg_get_serial_sequence('t', 'id'), 7)")
    assert list(verify_sequences(connection, Subject("T", numbered, None, None))) == []


def test_equal_rows_count_as_often_as_they_are_there(connection: Connection) -> None:
    table = table_of({"a": "text"})
    subject = filled(connection, table, [("x",), ("x",), (None,), ("",), ("",)])
    assert told(connection, subject) == []
    connection.execute("delete from t where ctid = (select min(ctid) from t where a = 'x')")
    connection.execute("insert into t values (null)")
    assert told(connection, subject) == [("missing rows", "1, a='x'"), ("extra rows", "1, a=NULL")]


@pytest.mark.parametrize(
    ("there", "here"),
    [
        ((None, "", "N"), ("", "N", None)),
        ((None, ""), ("", None)),
        (("a,b", ""), ("a", "b,")),
        (("N", None), (None, "N")),
        (("12", "3"), ("1", "23")),
    ],
)
def test_cells_do_not_run_into_each_other(
    connection: Connection, there: tuple[str | None, ...], here: tuple[str | None, ...]
) -> None:
    table = table_of(dict.fromkeys("abc"[: len(here)], "text"))
    filled(connection, table, [there])
    assert told(connection, subject_of(table, frame_of(table, [here])))


def test_what_differs_behind_the_shown_part_is_told_as_such(connection: Connection) -> None:
    subject = filled(connection, table_of({"id": "integer", "a": "text"}, "id"), [(1, "x" * 500)])
    connection.execute("update t set a = a || 'y'")
    ((column, detail),) = told(connection, subject)
    assert column == "a"
    assert detail.endswith("behind its first 120 characters")
    assert len(detail) < 400


def test_a_source_of_many_batches_is_one_side(connection: Connection) -> None:
    table = table_of({"id": "integer", "a": "text"}, "id")
    rows = [(n, f"v{n}") for n in range(1000)]
    filled(connection, table, rows)
    frame = frame_of(table, rows).reverse()
    subject = subject_of(table, *(frame.slice(start, 77) for start in range(0, 1000, 77)))
    assert told(connection, subject) == []
    connection.execute("update t set a = 'v500' where id = 501")
    assert told(connection, subject) == [("a", "1, at id=501: source 'v501', target 'v500'")]


def test_of_many_differences_only_so_many_rows_are_held(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(content, "_CELLS_AT_ONCE", 200)
    table = table_of({"id": "integer", "a": "text"}, "id")
    subject = filled(connection, table, [(n, "x") for n in range(1000)])
    connection.execute("update t set a = 'y'")
    ((column, detail),) = told(connection, subject)
    assert column == "a"
    count = int(detail.split()[0])
    assert 0 < count <= 50
    assert detail.startswith(f"{count} or more, at id=")


def test_a_side_without_rows(connection: Connection) -> None:
    table = table_of({"id": "integer", "a": "text"}, "id")
    subject = filled(connection, table, [])
    assert told(connection, subject) == []
    connection.execute("insert into t values (1, 'x')")
    assert told(connection, subject) == [("extra rows", "1, id=1")]


def test_a_column_that_is_gone_is_a_finding(connection: Connection) -> None:
    subject = filled(connection, table_of({"id": "integer", "a": "text"}, "id"), PAIRS_OF_TWO)
    connection.execute("alter table t drop column a")
    assert told(connection, subject) == [("table", "not compared: the target lacks a")]
    connection.execute("drop table t")
    assert told(connection, subject) == [("table", "not compared: the target lacks the table")]


def test_a_column_that_became_text_is_compared_as_what_it_says(connection: Connection) -> None:
    subject = filled(connection, table_of({"id": "integer", "a": "real"}, "id"), [(1, None), (2, 0.5)])
    connection.execute("alter table t alter a type text")
    connection.execute("update t set a = 'x' where id = 1")
    assert told(connection, subject) == [("a", "1, at id=1: source NULL, target 'x'")]


def test_a_source_that_fails_halfway_is_what_is_told_and_the_connection_stays_good(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copy_out, "_ROWS", 1000)
    table = table_of({"id": "integer", "a": "text"}, "id")
    rows = [(n, "x" * 1000) for n in range(20_000)]  # more than a socket holds: the server is still sending
    subject = filled(connection, table, rows)
    first = frame_of(table, rows[:10])

    def read() -> Iterator[Transformed]:
        yield from part.read()
        raise SourceChanged("the source has changed")

    part = subject_of(table, first).content
    assert part
    failing = replace(subject, content=Content(read))
    with pytest.raises(SourceChanged), connection.transaction():
        compared(connection, failing)
    assert connection.execute("select 1").fetchone() == (1,)
    assert told(connection, subject) == []


def test_equal_rows_without_a_key_are_held_once(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(copy_out, "_ROWS", 30)
    compare, heights = content.differences, list[tuple[int, int]]()

    def measured(source: pl.DataFrame, target: pl.DataFrame, cells: Sequence[str], *, keyed: bool) -> Differences:
        heights.append((source.height, target.height))
        return compare(source, target, cells, keyed=keyed)

    monkeypatch.setattr(content, "differences", measured)
    subject = filled(connection, table_of({"a": "text"}), [("x",)] * 1000)
    connection.execute("insert into t values ('x'), ('x')")
    assert told(connection, subject) == [("extra rows", "2, a='x'; a='x'")]
    assert heights == [(0, 2)]


def test_a_byte_order_mark_at_the_beginning_is_a_character_like_any_other(connection: Connection) -> None:
    table = table_of({"a": "text", "id": "integer"})
    marked = filled(connection, table, [("\ufeffx", 1)])
    assert told(connection, marked) == []
    plain = subject_of(table, frame_of(table, [("x", 1)]))
    assert [subject for subject, _ in told(connection, plain)] == ["a"]
    connection.execute("update t set a = 'x'")
    assert told(connection, plain) == []
    assert [subject for subject, _ in told(connection, marked)] == ["a"]


def test_what_is_kept_of_a_long_value_does_not_hold_the_rest() -> None:
    before, found = _resident_mb(), []
    for start in range(0, 4000, 100):
        rows = hashed(pl.DataFrame({"c0": [f"{n:4}" * 25_000 for n in range(start, start + 100)]}), ["c0"])
        found.append(kept(rows.head(7), ["c0"]))
    assert {text for frame in found for text in frame["c0"].str.len_chars()} == {120}
    assert _resident_mb() - before < 200, "400 MB have been looked at"


def _resident_mb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") >> 20


PAIRS_OF_TWO = [(1, "a"), (2, "b")]


def test_a_source_that_says_something_else_the_second_time_is_no_proof(connection: Connection) -> None:
    table = table_of({"id": "integer", "a": "text"}, "id")
    whole = filled(connection, table, PAIRS_OF_TWO).content
    part = subject_of(table, frame_of(table, PAIRS_OF_TWO[:1])).content
    assert whole
    assert part
    given = iter([part, whole])
    subject = subject_of(table, pl.DataFrame())
    changing = type(whole)(lambda: next(given).read())
    assert [s for s, _ in told(connection, type(subject)("T", table, None, None, content=changing))] == ["rows"]
