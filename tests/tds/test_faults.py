"""What a test orders to go wrong goes wrong, once as often as ordered, and every client says so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.tds.database import Database, LazyRows, ServedColumn, ServedTable
from tests.tds.drivers import CLIENTS, arrow_client, mssql_python, pyodbc, rows
from tests.tds.faults import Ending, Fault
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError

_ROWS = 5000
_COLUMNS = [ServedColumn("id", "int", nullable=False), ServedColumn("text", "nvarchar(50)")]
_DROPPED = r"08S01|link failure|Unexpected EOF"
"""How the clients say that a connection is lost."""
_ALL = "SELECT [id], [text] FROM [dbo].[orders] ORDER BY [id]"


def _order(at: int) -> tuple[int, str]:
    return at, f"주문 {at}"


def _letter(at: int) -> tuple[int, str]:
    return at, f"편지 {at} " * 1000


@pytest.fixture
def shop() -> Iterator[Server]:
    orders = ServedTable("dbo", "orders", _COLUMNS, LazyRows(_ROWS, _order), ("id",))
    long = [ServedColumn("id", "int"), ServedColumn("text", "nvarchar(max)")]
    letters = ServedTable("dbo", "letters", long, LazyRows(1000, _letter))
    with serve(Database("shop", tables=[orders, letters])) as server:
        yield server


@pytest.mark.parametrize("after_rows", [0, 1, 1000, 1500, _ROWS])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_dropped_connection_is_an_error(shop: Server, client: Any, after_rows: int) -> None:
    shop.faults.add(Fault("[dbo].[orders]", after_rows))
    with pytest.raises(Exception, match=_DROPPED):
        _read_and_lose(shop, client)
    with client(shop) as connection:
        assert len(rows(connection, _ALL)) == _ROWS


def _read_and_lose(shop: Server, client: Any) -> None:
    with client(shop) as connection:
        rows(connection, _ALL)


@pytest.mark.parametrize("after_rows", [0, 1, 1500, _ROWS])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_an_error_of_the_server_in_the_middle_is_an_error(shop: Server, client: Any, after_rows: int) -> None:
    shop.faults.add(Fault("orders", after_rows, ServerError(8115, "산술 오버플로", 16)))
    with client(shop) as connection:
        with pytest.raises(Exception, match="산술 오버플로"):
            rows(connection, _ALL)
        assert len(rows(connection, _ALL)) == _ROWS


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_connection_can_drop_where_a_row_and_a_packet_end(shop: Server, client: Any) -> None:
    """What mssql-python does then is why a table's rows are counted: it ends the result as if that were all."""
    shop.faults.add(Fault("[dbo].[orders]", 1500, ending=Ending.DROP_BETWEEN_PACKETS))
    if client is arrow_client:
        with client(shop) as connection:
            cursor = connection.cursor()
            cursor.execute(_ALL)
            assert sum(batch.num_rows for batch in cursor.arrow_reader(1000)) == 1500
    else:
        with pytest.raises(pyodbc().Error, match=_DROPPED):
            _read_and_lose(shop, client)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_long_values_do_not_hang_when_the_connection_drops(shop: Server, client: Any) -> None:
    shop.faults.add(Fault("[dbo].[letters]", 150))
    with pytest.raises(Exception, match=r"08S01|link failure|Unexpected EOF|SQLGetData"), client(shop) as connection:
        rows(connection, "SELECT [id], [text] FROM [dbo].[letters]")


def test_arrow_batches_before_a_fault_are_whole(shop: Server) -> None:
    shop.faults.add(Fault("orders", 2500, ServerError(8115, "overflow")))
    with arrow_client(shop) as connection:
        cursor = connection.cursor()
        cursor.execute(_ALL)
        batches = cursor.arrow_reader(1000)
        assert [next(batches).column("id").to_pylist() for _ in range(2)] == [[*range(1000)], [*range(1000, 2000)]]
        with pytest.raises(mssql_python().Error, match="overflow"):
            next(batches)


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_result_can_end_too_early_without_a_word(shop: Server, client: Any) -> None:
    shop.faults.add(Fault("orders", 1234, ending=Ending.SILENT))
    with client(shop) as connection:
        assert len(rows(connection, _ALL)) == 1234
        assert len(rows(connection, _ALL)) == _ROWS


def test_faults_are_used_up_one_after_the_other(shop: Server) -> None:
    shop.faults.add(Fault("orders", 10, ending=Ending.SILENT, times=2))
    shop.faults.add(Fault("orders", 20, ending=Ending.SILENT))
    with arrow_client(shop) as connection:
        rows(connection, "SELECT 1")
        assert [len(rows(connection, _ALL)) for _ in range(4)] == [10, 10, 20, _ROWS]


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_refused_login_is_an_error_and_the_next_one_works(shop: Server, client: Any) -> None:
    shop.faults.refuse_logins(1)
    with pytest.raises(Exception, match="Login failed"), client(shop):
        pass
    with client(shop) as connection:
        assert rows(connection, "SELECT 1") == [(1,)]


def test_refused_connections_end(shop: Server) -> None:
    shop.faults.refuse_connections(2)
    refused = 0
    for _ in range(3):
        try:
            with arrow_client(shop, "Encrypt=yes;TrustServerCertificate=yes;ConnectRetryCount=0") as connection:
                assert rows(connection, "SELECT 1") == [(1,)]
        except mssql_python().Error:
            refused += 1
    assert refused == 2


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_reader_that_has_enough_can_ask_on(shop: Server, client: Any) -> None:
    with client(shop) as connection:
        cursor = connection.cursor()
        cursor.execute(_ALL)
        assert tuple(cursor.fetchone()) == (0, "주문 0")
        cursor.close()
        assert rows(connection, "SELECT COUNT_BIG(*) FROM orders") == [(_ROWS,)]
