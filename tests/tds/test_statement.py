"""The SELECTs that the server evaluates itself, and that it says so of what it does not know."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest

from tests.tds.database import Database, LazyRows, Result, ServedColumn, ServedTable
from tests.tds.drivers import CLIENTS, arrow_client, mssql_python, rows
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError

_PEOPLE = ServedTable(
    "dbo",
    "people",
    [
        ServedColumn("id", "int", nullable=False),
        ServedColumn("Full Name", "nvarchar(40)"),
        ServedColumn("code", "varchar(10)"),
        ServedColumn("key", "uniqueidentifier", nullable=False),
        ServedColumn("born", "date"),
    ],
    [
        (3, "bora", "B2", UUID("00000000-0000-0000-0000-020000000000"), dt.date(1990, 1, 1)),
        (1, "Ara", "b1", UUID("ff000000-0000-0000-0000-010000000000"), None),
        (2, None, "A", UUID("00000000-0000-0000-01ff-010000000000"), dt.date(2024, 2, 29)),
        (4, "bora ", None, UUID("00000000-0000-ff00-0001-020000000000"), dt.date(1, 1, 1)),
    ],
)
_MANY = 50_000
_KEY = ("order_id", "line")


def _many(at: int) -> tuple[int, int, str]:
    return at // 10, at % 10, f"{at}"


_LARGE = ServedTable(
    "sales",
    "lines",
    [ServedColumn(name, "int", nullable=False) for name in ("order_id", "line")] + [ServedColumn("text", "varchar(9)")],
    LazyRows(_MANY, _many),
    _KEY,
)
_CANNED = Result([ServedColumn("name", "sysname"), ServedColumn("n", "bigint")], [("표", 2**40), (None, None)])


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    answers = {"SELECT name\nFROM sys.tables": _CANNED}
    with serve(Database("shop", tables=[_PEOPLE, _LARGE], answers=answers)) as server:
        yield server


@pytest.fixture(scope="module")
def connection(shop: Server) -> Iterator[Any]:
    with arrow_client(shop) as connection:
        yield connection


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("SELECT 1", [(1,)]),
        ("SELECT 'a' + N'가', -1.50, 0x0A, NULL", [("a가", -1.5, b"\n", None)]),
        ("SELECT DB_NAME() AS [database]", [("shop",)]),
        ("SET NOCOUNT ON; SET LOCK_TIMEOUT 5000; SELECT 1", [(1,)]),
        ("select ID from PEOPLE order by ID", [(1,), (2,), (3,), (4,)]),
        ("SELECT TOP (2) p.[id] FROM [dbo].[people] AS p WITH (NOLOCK) ORDER BY p.[id] ASC", [(1,), (2,)]),
        ("SELECT [id] FROM people ORDER BY [Full Name], [id]", [(2,), (1,), (3,), (4,)]),
        ("SELECT [id] FROM people ORDER BY [code]", [(4,), (2,), (1,), (3,)]),
        ("SELECT [id] FROM people ORDER BY [key]", [(1,), (2,), (3,), (4,)]),
        ("SELECT [id] FROM people WHERE [Full Name] = N'BORA' ORDER BY [id]", [(3,), (4,)]),
        ("SELECT [id] FROM people WHERE [born] >= '1990-01-01' AND NOT [id] = 2", [(3,)]),
        ("SELECT [id] FROM people WHERE [born] IS NULL OR [code] IS NULL ORDER BY [id]", [(1,), (4,)]),
        ("SELECT [id] FROM people WHERE [code] = CAST(N'B1' AS varchar(9)) COLLATE Latin1_General_BIN2", [(1,)]),
        ("SELECT CAST('×' AS varchar(9)) COLLATE SQL_Latin1_General_CP1_CI_AS", [("×",)]),
        ("SELECT [id] FROM people WHERE [id] = 2 AND [id] > 2 ORDER BY [id]", []),
        ("SELECT [id] FROM people WHERE [id] > 2 OR [id] > 1 ORDER BY [id]", [(2,), (3,), (4,)]),
        ("SELECT [id] FROM people WHERE [id] IN (4, 1) ORDER BY [id]", [(1,), (4,)]),
        ("SELECT [id] FROM people WHERE [id] <> 2 AND [born] < '1000-01-01'", [(4,)]),
        ("SELECT COALESCE([Full Name], N'-'), ISNULL([code], '-') FROM people WHERE [id] = 2", [("-", "A")]),
        ("SELECT DATALENGTH([Full Name]), DATALENGTH([code]) FROM people WHERE [id] = 4", [(10, None)]),
        ("SELECT CASE WHEN [id] = 1 THEN 'one' WHEN [id] < 3 THEN 'few' ELSE 'many' END FROM people WHERE [id] < 4 "
         "ORDER BY [id]", [("one",), ("few",), ("many",)]),
        ("SELECT COUNT_BIG(*) AS n FROM people", [(4,)]),
        ("SELECT COUNT(*) FROM people WHERE [born] IS NOT NULL", [(3,)]),
        ("SELECT COUNT_BIG(*) FROM [sales].[lines]", [(_MANY,)]),
        ("  SELECT name\nFROM sys.tables ", [("표", 2**40), (None, None)]),
        ("SELECT CAST('2024-02-29' AS date), CAST(N'12.345' AS decimal(5,2))", [(dt.date(2024, 2, 29), 12.35)]),
    ],
)  # fmt: skip
def test_a_statement_finds(connection: Any, statement: str, found: list[tuple[Any, ...]]) -> None:
    assert [
        tuple(float(value) if type(value).__name__ == "Decimal" else value for value in row)
        for row in rows(connection, statement)
    ] == found


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("SELECT name FROM sys.tables", "Invalid object name 'sys.tables'"),
        ("SELECT nothing FROM people", "Invalid column name 'nothing'"),
        ("SELEC 1", "Incorrect syntax"),
        ("SELECT 1 SELECT 2", "Incorrect syntax"),
        ("SELECT SOUNDEX([code]) FROM people", "SOUNDEX"),
        ("SELECT DATEPART(year, [born]) FROM people", "DATEPART(year)"),
        ("SELECT [id] FROM people GROUP BY [id]", "group of a SELECT"),
        ("SELECT [id] FROM people ORDER BY [id] DESC", "DESC"),
        ("SELECT p.[id] FROM people p JOIN people q ON p.id = q.id", "joins of a SELECT"),
        ("SELECT CAST([born] AS varbinary(3)) FROM people", "the conversion from date to varbinary(3)"),
        ("SELECT CAST([id] AS nothing) FROM people", "Type nothing is not a defined system type"),
        ("SELECT CAST(300 AS tinyint)", "arithmetic overflow converting int to tinyint: 300"),
        ("SELECT CASE WHEN [id] = 1 THEN [code] ELSE [id] END FROM people", "alternatives of different types"),
        ("SELECT [id] FROM people WHERE [born] > [key]", "how date compares with uniqueidentifier"),
        ("DELETE FROM people", "Delete"),
        ("EXEC sp_help", "sp_help"),
        ("USE other", "Database 'other' does not exist"),
    ],
)
def test_what_it_does_not_know_it_names(shop: Server, client: Any, statement: str, said: str) -> None:
    with client(shop) as connection:
        with pytest.raises(Exception) as refused:  # noqa: PT011  the drivers' errors have nothing in common
            rows(connection, statement)
        assert said in str(refused.value)
        assert rows(connection, "SELECT 1") == [(1,)]


def test_a_page_behind_a_key_is_found_without_reading_the_table() -> None:
    """Which would take hours."""
    columns = [ServedColumn(name, "int", nullable=False) for name in ("order_id", "line")]
    vast = ServedTable("dbo", "vast", [*columns, ServedColumn("text", "varchar(9)")], LazyRows(10**9, _many), _KEY)
    conditions = [
        ("[order_id] > ? OR ([order_id] = ? AND [line] > ?)", (4321987, 4321987, 8)),
        ("([order_id] >= ?) AND ([order_id] > ? OR [line] > ?)", (4321987, 4321987, 8)),
        ("[order_id] >= ? AND ([order_id] > ? OR ([order_id] = ? AND [line] > ?))", (4321987, 4321987, 4321987, 8)),
    ]
    with serve(Database("shop", tables=[vast])) as server, arrow_client(server) as connection:
        for condition, key in conditions:
            page = f"SELECT TOP (3) [order_id], [line] FROM [vast] WHERE {condition} ORDER BY [order_id], [line]"
            assert rows(connection, page, *key) == [(4321987, 9), (4321988, 0), (4321988, 1)]
        assert rows(connection, "SELECT COUNT_BIG(*) FROM [vast]") == [(10**9,)]


def test_pages_behind_keys_are_the_table(connection: Any) -> None:
    """Nested or flat, with parameters, of sizes that have nothing to do with the server's own chunks."""
    flat = "SELECT TOP (?) * FROM [people] WHERE [code] > CAST(? AS varchar(10)) ORDER BY [code]"
    assert [row[0] for row in rows(connection, flat, 10, "")] == [2, 1, 3]
    found: list[tuple[Any, ...]] = []
    page: list[tuple[Any, ...]] = []
    after = (4_000, 5)
    while len(page) == 777 or not found:
        page = rows(
            connection,
            "SELECT TOP (?) [order_id], [line], [text] FROM [sales].[lines] WHERE ([order_id] > CAST(? AS int)) OR "
            "([order_id] = CAST(? AS int) AND ([line] > CAST(? AS int))) ORDER BY [order_id], [line]",
            *(777, after[0], after[0], after[1]),
        )
        found += page
        after = (page[-1][0], page[-1][1])
    assert found == [(at // 10, at % 10, f"{at}") for at in range(40_006, _MANY)]


def test_a_condition_that_is_not_of_the_order_is_searched(connection: Any) -> None:
    statement = (
        "SELECT TOP (2) [line] FROM [sales].[lines] WHERE [order_id] > 5 AND [text] = '77' ORDER BY [order_id], [line]"
    )
    assert rows(connection, statement) == [(7,)]


def test_an_answer_can_be_an_error() -> None:
    refused = {"SELECT 1 FROM sys.views": ServerError(229, "The SELECT permission was denied")}
    with serve(Database("shop", answers=refused)) as server, arrow_client(server) as connection:
        with pytest.raises(mssql_python().Error, match="permission was denied"):
            rows(connection, "SELECT 1 FROM sys.views")
        assert rows(connection, "SELECT 1") == [(1,)]


def test_statements_are_kept_as_they_came(shop: Server) -> None:
    before = len(shop.statements)
    with arrow_client(shop) as connection:
        rows(connection, " SELECT  1")
        rows(connection, "SELECT TOP (?) [id] FROM people ORDER BY [id]", 2)
        with pytest.raises(mssql_python().Error):
            rows(connection, "SELECT [né] FROM people")
    assert shop.texts[before:] == [
        " SELECT  1",
        "SELECT TOP (@P1) [id] FROM people ORDER BY [id]",
        "SELECT [né] FROM people",
    ]
    assert [parameter.value for parameter in shop.statements[before + 1].parameters] == [2]
