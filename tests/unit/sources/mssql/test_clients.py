"""Every client gives the same columns, the same values and the same errors."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from pipeline.errors import ConnectionLost, StatementRefused
from pipeline.sources.mssql.clients.base import Client
from pipeline.sources.mssql.clients.drivers import logged_in
from pipeline.sources.mssql.clients.hosted import Hosting
from pipeline.sources.mssql.connect import connect
from tests.tds.database import Database, LazyRows, Result, ServedColumn, ServedTable
from tests.tds.drivers import address_of, odbc_driver
from tests.tds.faults import Fault
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError

Connected = Callable[[Server], Client]

_TICKS = 10**7
_DAY = 24 * 3600 * _TICKS
_MOMENTS = pa.timestamp("us", tz="+00:00")


@pytest.fixture(params=["mssql-python", "msodbcsql", "freetds", "mssql-python in a process of its own"])
def connected(request: pytest.FixtureRequest) -> Iterator[Connected]:
    """A new client of a test's server."""
    name, _, elsewhere = request.param.partition(" ")
    driver = odbc_driver(name)
    with ExitStack() as stack:

        def connection(server: Server) -> Client:
            log_in = stack.enter_context(closing(Hosting())).log_in if elsewhere else logged_in
            return connect(address_of(server, odbc_driver=driver), log_in)

        yield connection


def _read(client: Client, sql: str, batch_rows: int = 100) -> pa.Table:
    return pa.Table.from_batches(client.stream(sql, batch_rows=batch_rows))


def _served(*columns: tuple[str, str, list[Any]]) -> Database:
    """Table `t`, by column: name, type and values, and an `id` before them."""
    size = len(columns[0][2])
    described = [ServedColumn("id", "int", nullable=False), *(ServedColumn(name, kind) for name, kind, _ in columns)]
    rows = [(at, *(values[at] for _, _, values in columns)) for at in range(size)]
    return Database("shop", tables=[ServedTable("dbo", "t", described, rows)])


# type, values as the server stores them, Arrow type, values in Arrow (of times: the integers)
_CASES: list[tuple[str, list[Any], pa.DataType, list[Any]]] = [
    ("bit", [True, False, None], pa.bool_(), [True, False, None]),
    ("tinyint", [255, 0, None], pa.uint8(), [255, 0, None]),
    ("smallint", [-32768, 32767, None], pa.int16(), [-32768, 32767, None]),
    ("int", [-(2**31), 2**31 - 1, None], pa.int32(), [-(2**31), 2**31 - 1, None]),
    ("bigint", [-(2**63), 2**63 - 1, None], pa.int64(), [-(2**63), 2**63 - 1, None]),
    ("real", [3.4028234663852886e38, 0.10000000149011612, None], pa.float32(), None),
    ("float", [1.7976931348623157e308, -0.1, None], pa.float64(), None),
    ("decimal(38,38)", [Decimal("0." + "12345678901234567890123456789012345678"), Decimal("-1E-38"), None], None, None),
    ("decimal(38,0)", [Decimal(10**38 - 1), Decimal(-1), None], pa.decimal128(38, 0), None),
    ("money", [Decimal("-922337203685477.5808"), Decimal("0.0001"), None], pa.decimal128(19, 4), None),
    ("smallmoney", [Decimal("214748.3647"), Decimal("-214748.3648"), None], pa.decimal128(10, 4), None),
    ("date", [dt.date(1, 1, 1), dt.date(9999, 12, 31), None], pa.date32(), None),
    ("varbinary(26)", [b"", bytes(range(26)), None], pa.large_binary(), None),
    ("nvarchar(4000)", ["", "한글 😀", None], pa.large_string(), None),
]


def _names(case: object) -> str:
    return case if isinstance(case, str) else ""


@pytest.mark.parametrize(("kind", "stored", "arrow", "arrived"), _CASES, ids=_names)
def test_types_and_values(
    connected: Connected, kind: str, stored: list[Any], arrow: pa.DataType | None, arrived: list[Any] | None
) -> None:
    with serve(_served(("c", kind, stored))) as server:
        client = connected(server)
        column = _read(client, "SELECT [c] FROM [dbo].[t]").column("c")
        client.close()
    assert column.type == (arrow or pa.decimal128(38, 38))
    assert column.to_pylist() == (arrived or stored)


def test_times_to_the_last_digit_that_a_type_of_arrow_has(connected: Connected) -> None:
    """Of 7 digits, time keeps all, and the others 6, cut off towards the past; the server counts from the year 1."""
    last = 3652059 * _DAY - 1  # 9999-12-31 23:59:59.9999999
    before_1970 = 719161 * _DAY + 5
    columns = [
        ("t7", "time(7)", [_DAY - 1, 0, None, 5]),
        ("t0", "time(0)", [_DAY - _TICKS, 0, None, None]),
        ("d7", "datetime2(7)", [last, 0, None, before_1970]),
        ("d3", "datetime2(3)", [last // 10_000 * 10_000, 0, None, None]),
        ("none", "time(0)", [None] * 4),
        ("never", "datetimeoffset(0)", [None] * 4),
    ]
    with serve(_served(*columns)) as server:
        client = connected(server)
        table = _read(client, "SELECT [t7], [t0], [d7], [d3], [none], [never] FROM [dbo].[t]")
        client.close()
    nanoseconds, microseconds = pa.time64("ns"), pa.timestamp("us")
    assert table.schema.types == [nanoseconds, nanoseconds, microseconds, microseconds, nanoseconds, _MOMENTS]
    numbers = {name: table[name].cast(pa.int64()).to_pylist() for name in table.column_names}
    epoch = 719162 * 24 * 3600 * 10**6
    assert numbers["t7"] == [(_DAY - 1) * 100, 0, None, 500]
    assert numbers["t0"] == [(_DAY - _TICKS) * 100, 0, None, None]
    assert numbers["d7"] == [last // 10 - epoch, -epoch, None, before_1970 // 10 - epoch]
    assert numbers["d3"] == [last // 10_000 * 1000 - epoch, -epoch, None, None]


def test_what_is_sent_of_long_values_arrives_whole(connected: Connected) -> None:
    """FreeTDS asks for 64 KiB of a value by itself, and ODBC programs have asked for less."""
    long = bytes(range(256)) * 300
    with serve(_served(("c", "varbinary(max)", [long, None, b""]))) as server:
        client = connected(server)
        assert _read(client, "SELECT [c] FROM [dbo].[t]", 2).column("c").to_pylist() == [long, None, b""]
        client.close()
        limits = [text for text in server.texts if "textsize" in text.lower()]
    assert limits[-1] == "SET TEXTSIZE -1"


_ASKED: list[Any] = [1, -(2**63), "한글'--", "plain", b"\x00\xff", Decimal("-12.50"), None, True]


@pytest.mark.parametrize("value", _ASKED, ids=repr)
def test_parameters_arrive_as_they_are(connected: Connected, value: Any) -> None:
    seen: list[Any] = []

    def answer(parameters: Any) -> Result:
        seen.extend(parameters)
        return Result([ServedColumn("a", "int")], [(1,)])

    texts = ("SELECT a FROM b WHERE c = ?", "SELECT a FROM b WHERE c = @P1")
    with serve(Database("shop", answers=dict.fromkeys(texts, answer)), in_this_process=True) as server:
        client = connected(server)
        assert client.rows(texts[0], (value,)) == [{"a": 1}]
        client.close()
    (parameter,) = seen[-1:]
    arrived = parameter.value
    if isinstance(value, str) and isinstance(arrived, bytes):
        arrived = arrived.decode("utf-16-le" if parameter.type.name.startswith("n") else "ascii")
    assert arrived == value


def test_batches_are_bounded_and_not_empty(connected: Connected) -> None:
    with serve(_served(("c", "int", list(range(10))))) as server:
        client = connected(server)
        assert [batch.num_rows for batch in client.stream("SELECT [c] FROM [dbo].[t]", batch_rows=4)] == [4, 4, 2]
        assert list(client.stream("SELECT [c] FROM [dbo].[t] WHERE [id] > 99", batch_rows=4)) == []
        client.close()


def _number(at: int) -> tuple[int]:
    return (at,)


def test_a_result_that_is_left_early_does_not_stand_in_the_way(connected: Connected) -> None:
    many = ServedTable("dbo", "t", [ServedColumn("id", "int")], LazyRows(200_000, _number))
    with serve(Database("shop", tables=[many])) as server:
        client = connected(server)
        stream = client.stream("SELECT [id] FROM [dbo].[t]", batch_rows=10)
        assert next(stream).num_rows == 10
        stream.close()
        assert client.rows("SELECT [id] FROM [dbo].[t] WHERE [id] = 7") == [{"id": 7}]
        client.close()


@pytest.mark.parametrize("after_rows", [0, 1, 999, 1000, 1001, 3000, 4999, 5000])
def test_a_connection_that_drops_is_lost_and_says_so(connected: Connected, after_rows: int) -> None:
    """mssql-python tells of it at some of these places only on being asked."""
    with serve(_served(("c", "int", list(range(5000))))) as server:
        server.faults.add(Fault("[dbo].[t]", after_rows=after_rows, times=2))
        client = connected(server)
        seen: list[int] = []
        with pytest.raises(ConnectionLost, match="shop: reading rows"):
            seen.extend(batch.num_rows for batch in client.stream("SELECT [c] FROM [dbo].[t]", batch_rows=1000))
        assert sum(seen) <= after_rows
        client.close()
        client = connected(server)
        with pytest.raises(ConnectionLost):
            client.rows("SELECT [c] FROM [dbo].[t]")
        client.close()
        client.close()


@pytest.mark.parametrize("after_rows", [0, 1, 9, 10, 11, 30, 35, 49, 50])
def test_an_error_of_the_server_among_the_rows_is_told_in_its_words(connected: Connected, after_rows: int) -> None:
    with serve(_served(("c", "int", list(range(50))))) as server:
        error = ServerError(229, "The SELECT permission was denied on the object 't', database 'shop'.", 14)
        server.faults.add(Fault("[dbo].[t]", after_rows=after_rows, error=error, times=2))
        client = connected(server)
        with pytest.raises(StatementRefused, match="permission was denied on the object 't'") as caught:
            list(client.stream("SELECT [c] FROM [dbo].[t]", batch_rows=10))
        assert caught.value.number == 229
        assert "GRANT SELECT" in str(caught.value.hint)
        with pytest.raises(StatementRefused, match="permission was denied"):
            client.rows("SELECT [c] FROM [dbo].[t]")
        with pytest.raises(StatementRefused):
            client.rows("SELECT nothing FROM nowhere")
        with pytest.raises(StatementRefused):
            client.execute("DROP DATABASE shop")
        client.close()
