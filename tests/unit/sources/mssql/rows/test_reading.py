"""Rows of a live server: pages, malformed text, lost connections, and results that are not whole."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

import polars as pl
import pytest
from structlog.testing import capture_logs
from tenacity import wait_fixed, wait_none

from pipeline.batch import Batch, Position
from pipeline.errors import ConnectionLost, SourceChanged, SourceError
from pipeline.prefetch import at_work, prefetched
from pipeline.retry import REOPEN, resuming
from pipeline.sources.mssql.schema.answers import statement
from pipeline.sources.mssql.source import MssqlSource
from tests.tds.database import Answer, Database, Result, ServedColumn
from tests.tds.drivers import address_of
from tests.tds.edges import ticks
from tests.tds.faults import Ending, Fault
from tests.tds.live import database, live, table
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError

ORDERS = table("orders", {"id": "int", "name": "varchar(20)", "note": "nvarchar(20)"}, ("id",))
ROWS = [(i, f"주문 {i}", None if i % 3 else f"메모 {i}") for i in range(1, 1001)]
FROM = "FROM [dbo].[orders]"


@pytest.fixture(autouse=True)
def short_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.mssql.rows.pages.PAGE_ROWS", 300)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at once."""
    monkeypatch.setattr("pipeline.sources.mssql.session.REOPEN", REOPEN.copy(wait=wait_none()))


def rows(batches: Iterator[Batch]) -> list[tuple[Any, ...]]:
    return [row for batch in batches for row in zip(batch.locators, *batch.frame, strict=True)]


def numbered(values: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(number, *row) for number, row in enumerate(values, 1)]


@pytest.mark.parametrize("batch_rows", [1, 7, 300, 1000, 5000])
def test_pages_of_any_size_of_batch_are_the_table(batch_rows: int) -> None:
    with live({"orders": ROWS}, ORDERS) as (source, server):
        batches = list(source.batches("orders", batch_rows=batch_rows))
        assert source.count("orders") == 1000
    assert rows(iter(batches)) == numbered(ROWS)
    assert all(batch.frame.height <= batch_rows for batch in batches)
    listed = "[id], CAST([name] AS varbinary(20)), CAST([note] AS varbinary(40))"
    assert [text for text in server.texts if "TOP" in text and FROM in text] == [
        f"SELECT TOP (300) {listed} {FROM}{where} ORDER BY [id]"
        for where in ("", *[" WHERE [id] > CAST(@P1 AS int)"] * 3)
    ]


@pytest.mark.parametrize("batch_rows", [64, 1000])
def test_reading_goes_on_behind_any_position(batch_rows: int, driver: str | None) -> None:
    with live({"orders": ROWS}, ORDERS, odbc_driver=driver) as (source, _):
        first, *others = source.batches("orders", batch_rows=37)
        assert first.position == Position([37, [37]])
        for batch in (first, *others[4::5]):
            left = numbered(ROWS)[batch.locators[-1] :]
            assert rows(source.batches("orders", batch_rows=batch_rows, after=batch.position)) == left


def test_rows_of_two_moments_are_told() -> None:
    with live({"orders": ROWS}, ORDERS) as (source, _), capture_logs() as events:
        first, *_ = source.batches("orders", batch_rows=100)
        assert events == []
        list(source.batches("orders", batch_rows=1000, after=first.position))
    assert [(event["log_level"], event["table"]) for event in events] == [("warning", "orders")]


def test_columns_that_are_asked_for_and_a_key_that_is_not() -> None:
    with live({"orders": ROWS}, ORDERS) as (source, _):
        batches = list(source.batches("orders", batch_rows=400, columns=("note",)))
        assert sum(batch.frame.height for batch in source.batches("orders", batch_rows=400, columns=())) == 0
    assert [batch.frame.columns for batch in batches] == [["note"]] * len(batches)
    assert batches[-1].position == Position([1000, [1000]])


def test_an_empty_table() -> None:
    with live({"orders": []}, ORDERS) as (source, _):
        assert list(source.batches("orders", batch_rows=10)) == []


def test_a_malformed_text_is_one_defect_and_its_neighbours_are_whole(driver: str | None) -> None:
    stored = [(1, "가나", "x"), (2, b"\xb0\xa1\xb0", "y"), (3, "다라", b"\x3d\xd8A\0"), (4, b"\x80A", None)]
    with live({"orders": stored}, ORDERS, odbc_driver=driver) as (source, _):
        (batch,) = source.batches("orders", batch_rows=10)
    assert batch.frame.rows() == [(1, "가나", "x"), (2, None, "y"), (3, "다라", None), (4, None, None)]
    assert [(x.row, x.column, x.reason, x.raw, x.replacement) for x in batch.defects] == [
        (1, "name", "text is not cp949: 0xB0 at byte 2 is no character", b"\xb0\xa1\xb0", "가\ufffd"),
        (3, "name", "text is not cp949: 0x80 at byte 0 is no character", b"\x80A", "\ufffdA"),
        (2, "note", "holds half of a UTF-16 pair, at byte 0", b"\x3d\xd8A\0", "\ufffdA"),
    ]


# ---- keys


KEYED = [
    (f"n{n // 20}", guid, ticks(f"2024-01-0{n % 5 + 1} 00:00:00.{n:07}"), Decimal(n) / 4, n)
    for n, guid in enumerate(UUID(int=(n * 0x9E3779B97F4A7C15F39CC0605CEDC835) % 2**128) for n in range(200))
]
COLUMNS = {
    "kind": "nvarchar(10)",
    "guid": "uniqueidentifier",
    "at": "datetime2(7)",
    "price": "decimal(9,2)",
    "n": "int",
}


@pytest.mark.parametrize(
    "key", [("guid",), ("kind", "guid"), ("kind", "at", "price"), ("price",), ("at",), ("kind", "price", "at", "guid")]
)
def test_keys_of_any_type_and_of_many_columns(key: tuple[str, ...], driver: str | None) -> None:
    keyed = table("keyed", COLUMNS, key)
    with live({"keyed": KEYED}, keyed, odbc_driver=driver) as (source, _):
        whole = pl.concat([batch.frame for batch in source.batches("keyed", batch_rows=1000)])
        for batch in list(source.batches("keyed", batch_rows=13))[::4]:
            at = batch.locators[-1]
            after = [it.frame for it in source.batches("keyed", batch_rows=50, after=batch.position)]
            assert pl.concat([whole.head(at), *after]).equals(whole)
    assert sorted(whole["n"]) == list(range(200))


def test_a_text_key_of_another_code_page_than_the_databases_is_passed_over() -> None:
    both = table("orders", {"id": "int", "code": "varchar(9)"}, ("code",), ("id",))
    with live({"orders": [(1, "b"), (2, "a")]}, both) as (source, _):
        assert rows(source.batches("orders", batch_rows=10)) == [(1, 2, "a"), (2, 1, "b")]
        source._identity = {"code_page": 1252}
        assert rows(source.batches("orders", batch_rows=10)) == [(1, 1, "b"), (2, 2, "a")]


@pytest.mark.parametrize(
    "mark",
    [
        0,
        [],
        [5],
        [0, [5]],
        [5, []],
        [5, [1, 2]],
        [5, ["5"]],
        [5, [2**31]],
        [5, [True]],
        [5, [None]],
        ["5", [5]],
        {"a": 1},
    ],
)
def test_a_mark_that_does_not_fit(mark: object) -> None:
    with live({"orders": ROWS}, ORDERS) as (source, _), pytest.raises(SourceError, match="no position in table"):
        list(source.batches("orders", batch_rows=10, after=Position(mark)))


# ---- what goes wrong on the way


@pytest.mark.parametrize("lost_after", [0, 1, 64, 299, 300])
@pytest.mark.parametrize(("batch_rows", "ending"), [(50, Ending.DROP), (128, Ending.DROP_BETWEEN_PACKETS)])
def test_a_lost_connection_changes_nothing(
    lost_after: int, batch_rows: int, ending: Ending, driver: str | None
) -> None:
    with live({"orders": ROWS}, ORDERS, odbc_driver=driver) as (source, server):
        for _ in range(3):
            server.faults.add(Fault(FROM, after_rows=lost_after, ending=ending))
        assert rows(source.batches("orders", batch_rows=batch_rows)) == numbered(ROWS)
        assert len(server.logins) > 3


@pytest.mark.parametrize("lost_after", [200, 220, 230])
@pytest.mark.parametrize("ending", [Ending.DROP, Ending.DROP_BETWEEN_PACKETS])
def test_a_lost_connection_changes_nothing_of_long_values(lost_after: int, ending: Ending) -> None:
    """mssql-python mostly takes it for the end of the result, and has no message of it."""
    long = table("orders", {"id": "int", "name": "nvarchar", "note": "nvarchar(20)"}, ("id",))
    with live({"orders": ROWS}, long) as (source, server):
        server.faults.add(Fault(FROM, after_rows=lost_after, ending=ending))
        assert rows(source.batches("orders", batch_rows=1000)) == numbered(ROWS)
        assert len(server.logins) == 3  # of the catalog, and two of the rows


def test_a_server_that_stays_away_ends_in_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.mssql.session.resuming", partial(resuming, patience_s=0.0))
    with live({"orders": ROWS}, ORDERS) as (source, server):
        server.faults.add(Fault(FROM, after_rows=100))
        server.faults.refuse_connections(10**9)
        with pytest.raises(ConnectionLost):
            list(source.batches("orders", batch_rows=10))


def test_a_reader_that_is_left_waits_for_no_other_try(monkeypatch: pytest.MonkeyPatch) -> None:
    """What went wrong with the rows would be told minutes later."""
    monkeypatch.setattr("pipeline.sources.mssql.session.REOPEN", REOPEN.copy(wait=wait_fixed(600)))

    def leave(source: MssqlSource, server: Server) -> None:
        with prefetched(batch for batch in source.batches("orders", batch_rows=150)) as found:
            next(found)
            while server.faults.left():
                time.sleep(0.01)
            raise ZeroDivisionError

    with live({"orders": ROWS}, ORDERS) as (source, server):
        server.faults.add(Fault(f"{FROM} WHERE"))
        with pytest.raises(ZeroDivisionError):
            leave(source, server)
        assert not at_work()
        assert len(server.logins) == 2
        assert rows(source.batches("orders", batch_rows=1000)) == numbered(ROWS)


def test_a_source_that_was_closed_asks_nothing_more() -> None:
    """A thread that nobody waits for may still try again, and would make another source snapshot."""
    with live({"orders": ROWS}, ORDERS) as (source, server):
        batches = source.batches("orders", batch_rows=50)
        next(batches)
        source.__exit__(None, None, None)
        with pytest.raises(SourceError, match="the source is closed"):
            source._session.rows("SELECT 1 AS one")
        with pytest.raises(SourceError):
            list(batches)
        assert len(server.logins) == 2
        with source:
            assert source.count("orders") == 1000


def test_an_error_of_the_server_within_the_rows() -> None:
    with live({"orders": ROWS}, ORDERS) as (source, server):
        server.faults.add(Fault(FROM, after_rows=450, error=ServerError(8115, "Arithmetic overflow error")))
        with pytest.raises(SourceError, match="Arithmetic overflow"):
            list(source.batches("orders", batch_rows=100))
        assert rows(source.batches("orders", batch_rows=100)) == numbered(ROWS)


@pytest.mark.parametrize("ended_after", [0, 299])
def test_a_page_that_ends_early_is_no_end(ended_after: int) -> None:
    with live({"orders": ROWS}, ORDERS) as (source, server):
        server.faults.add(Fault(FROM, after_rows=ended_after, ending=Ending.SILENT))
        with pytest.raises(
            SourceChanged, match=f"table 'orders' has 1,000 rows, and {ended_after} were read"
        ) as caught:
            list(source.batches("orders", batch_rows=100))
    assert "--restart" in str(caught.value.hint)


# ---- another database than the first


@pytest.mark.parametrize("column", range(3), ids=["name", "server", "created"])
def test_a_connection_that_comes_back_to_another_database_reads_none_of_it(column: int) -> None:
    """A later run on the first would take the rows of the second for its own."""
    there = ["shop", "tests", "2024-02-29T12:00:00.000", 949]
    elsewhere = [*there[:column], "other", *there[column + 1 :]]
    moves = False
    answers = answering("identity", lambda row: elsewhere if moves and not server.faults.left() else there)
    with serve(answers, in_this_process=True) as server, MssqlSource(address_of(server)) as source:
        server.faults.add(Fault(FROM, after_rows=500))
        moves = True
        read: list[Batch] = []  # none, where the end of the connection overtakes its first rows
        with pytest.raises(SourceChanged, match=r"leads to another database now: .*other") as caught:
            read.extend(source.batches("orders", batch_rows=100))
        assert "--restart" in str(caught.value.hint)
        moves = False
        left = numbered(ROWS)[sum(batch.frame.height for batch in read) :]
        after = read[-1].position if read else None
        assert rows(source.batches("orders", batch_rows=100, after=after)) == left


def test_a_login_that_is_not_shown_what_it_reads() -> None:
    nothing = answering("identity", lambda row: None)
    with serve(nothing, in_this_process=True) as server, pytest.raises(SourceError, match="not shown") as caught:
        MssqlSource(address_of(server)).__enter__()
    assert "VIEW ANY DATABASE" in str(caught.value.hint)


def test_tables_that_are_altered_while_it_is_open_are_named() -> None:
    shop, lengths = alterable()
    with serve(shop, in_this_process=True) as server, MssqlSource(address_of(server)) as source:
        assert source.fingerprint() == source.fingerprint()
        lengths[0] = 21
        with pytest.raises(SourceChanged, match="altered since the run began: 'orders'"):
            source.fingerprint()


def test_the_first_fingerprint_is_of_what_was_read_on_opening() -> None:
    """So that a table which is altered between the plan and it is found by the next, and not taken for the plan's."""
    shop, lengths = alterable()
    with serve(shop, in_this_process=True) as server:
        with MssqlSource(address_of(server)) as source:
            before = source.fingerprint()
        with MssqlSource(address_of(server)) as source:
            lengths[0] = 21
            assert source.fingerprint() == before
            with pytest.raises(SourceChanged, match="altered since the run began: 'orders'"):
                source.fingerprint()


def test_a_column_that_is_altered_between_two_pages_is_no_bug_of_ours() -> None:
    shop = database({"orders": ROWS}, ORDERS)
    listed = "[id], CAST([name] AS varbinary(20)), CAST([note] AS varbinary(40))"
    later = f"SELECT TOP (300) {listed} {FROM} WHERE [id] > CAST(@P1 AS int) ORDER BY [id]"
    columns = [ServedColumn("id", "bigint"), ServedColumn("", "varbinary(20)"), ServedColumn("", "varbinary(40)")]
    answers: dict[str, Answer] = {**shop.answers, later: Result(columns, [(301, None, None)])}
    altered = replace(shop, answers=answers)
    with serve(altered, in_this_process=True) as server, MssqlSource(address_of(server)) as source:
        batches = source.batches("orders", batch_rows=1000)
        with pytest.raises(SourceChanged, match="table 'orders': its columns were altered while it was read"):
            list(batches)


def answering(query: str, change: Callable[[Sequence[Any]], Sequence[Any] | None]) -> Database:
    """The orders, on a server that answers one query each time as `change` makes its rows; None leaves a row out."""
    shop = database({"orders": ROWS}, ORDERS)
    told = shop.answers[statement(query)]
    assert isinstance(told, Result)

    def answer(_: object) -> Result:
        return replace(told, rows=[changed for row in told.rows if (changed := change(row)) is not None])

    answers: dict[str, Answer] = {**shop.answers, statement(query): answer}
    return replace(shop, answers=answers)


def alterable() -> tuple[Database, list[int]]:
    """The orders, and the length that the server gives for their columns of 20."""
    lengths = [20]
    return answering("columns", lambda row: [lengths[0] if value == 20 else value for value in row]), lengths


# ---- without a key


HEAP = table("orders", {"id": "int", "name": "varchar(20)", "note": "nvarchar(20)"})


def test_a_table_without_a_key_is_read_in_one_pass_and_has_no_positions() -> None:
    with live({"orders": ROWS}, HEAP) as (source, server):
        batches = list(source.batches("orders", batch_rows=128))
        assert rows(iter(batches)) == numbered(ROWS)
        assert {batch.position.mark for batch in batches} == {None}
        assert [notice.table for notice in source.catalog().notices if "no key" in notice.text] == ["orders"]
    asked = [text for text in server.texts if FROM in text and "COUNT" not in text]
    assert asked == [f"SELECT [id], CAST([name] AS varbinary(20)), CAST([note] AS varbinary(40)) {FROM}"]


def test_without_a_key_a_lost_connection_is_mended_before_the_first_row_only() -> None:
    with live({"orders": ROWS}, HEAP) as (source, server):
        server.faults.add(Fault(FROM, after_rows=0))
        assert rows(source.batches("orders", batch_rows=100)) == numbered(ROWS)
        server.faults.add(Fault(FROM, after_rows=500))
        with pytest.raises(SourceError, match="the connection was lost after") as caught:
            list(source.batches("orders", batch_rows=100))
    assert not isinstance(caught.value, ConnectionLost)


# ---- the source


def test_what_is_asked_ends_the_rows_that_were_coming() -> None:
    with live({"orders": ROWS}, ORDERS) as (source, _):
        batches = source.batches("orders", batch_rows=10)
        next(batches)
        assert source.count("orders") == 1000
        with pytest.raises(SourceError, match="rows were still to come"):
            list(batches)


def test_the_fingerprint_is_of_database_and_schema_and_not_of_rows() -> None:
    def digest(values: list[tuple[Any, ...]], **columns: str) -> str:
        with live({"orders": values}, table("orders", columns, ("id",))) as (source, _):
            return source.fingerprint().digest

    one = digest([(1, "a")], id="int", name="varchar(20)")
    assert digest([], id="int", name="varchar(20)") == one
    assert digest([], id="int", name="varchar(21)") != one


def test_what_cannot_be_asked() -> None:
    with live({"orders": ROWS}, ORDERS) as (source, _):
        for call, problem in (
            (lambda: source.batches("nowhere", batch_rows=1), "no table 'nowhere'"),
            (lambda: list(source.batches("orders", batch_rows=1, columns=("x",))), "'orders' has no column 'x'"),
            (lambda: source.batches("orders", batch_rows=0), "batches of 0 rows"),
        ):
            with pytest.raises(SourceError, match=problem):
                call()
    with pytest.raises(SourceError, match="is not open"):
        source.count("orders")


def test_long_values_are_fetched_row_by_row_and_bounded_in_a_batch() -> None:
    long = table("long", {"id": "int", "text": "nvarchar"}, ("id",))
    stored = [(number, "긴 글" * 100_000) for number in range(40)]  # 600 kB each
    with live({"long": stored}, long) as (source, _):
        batches = list(source.batches("long", batch_rows=1000))
    assert [row for batch in batches for row in batch.frame.rows()] == stored
    assert max(batch.frame.height for batch in batches) <= (8 << 20) // 600_000


def test_a_batch_is_full_though_a_driver_holds_fewer_rows_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.mssql.rows.pages.PAGE_ROWS", 10_000)
    wide = table("wide", {"id": "int", "text": "nvarchar(4000)"}, ("id",))
    with live({"wide": [(number, "글") for number in range(3300)]}, wide) as (source, _):
        heights = [batch.frame.height for batch in source.batches("wide", batch_rows=1100)]
    assert (8 << 20) // 8000 < 1100, "one fetch may not hold a batch"
    assert heights == [1100, 1100, 1100]


def test_a_full_batch_does_not_wait_for_what_comes_behind_it() -> None:
    with live({"orders": ROWS}, ORDERS) as (source, server):
        server.faults.add(Fault(FROM, after_rows=100, error=ServerError(8115, "Arithmetic overflow error")))
        batches = source.batches("orders", batch_rows=50)
        assert rows(iter([next(batches), next(batches)])) == numbered(ROWS)[:100]
        with pytest.raises(SourceError, match="Arithmetic overflow"):
            next(batches)
