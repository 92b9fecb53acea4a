"""Parameters arrive as the drivers were given them, by every way they have to send them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from tests.tds.database import Database, Result, ServedColumn, ServedTable
from tests.tds.drivers import CLIENTS, rows
from tests.tds.parameters import Parameter
from tests.tds.server import Server, serve
from tests.tds.types import TICKS_PER_DAY, Zoned

_LEAP_DAY = (dt.date(2024, 2, 29).toordinal() - 1) * TICKS_PER_DAY
_TENTH = 10**6
_MOMENT = dt.datetime.fromisoformat("2024-02-29 00:00:00.1")
_KOREA = dt.timezone(dt.timedelta(hours=9))
_VALUES: list[tuple[Any, Any]] = [
    (1, 1),
    (-5, -5),
    (2**40, 2**40),
    (-(2**63), -(2**63)),
    (True, 1),
    (0.1, 0.1),
    (Decimal("-0.01"), Decimal("-0.01")),
    (Decimal("-12345678901234567890123456789.123456789"), Decimal("-12345678901234567890123456789.123456789")),
    ("한글 😀", "한글 😀".encode("utf-16-le")),
    ("", b""),
    ("가" * 5000, ("가" * 5000).encode("utf-16-le")),
    (b"\0\xff", b"\0\xff"),
    (b"", b""),
    (b"x" * 9000, b"x" * 9000),
    (dt.date(2024, 2, 29), dt.date(2024, 2, 29)),
    (_MOMENT, _LEAP_DAY + _TENTH),
    (UUID(int=5), UUID(int=5)),
    (None, None),
]


def _echo(parameters: Sequence[Parameter]) -> Result:
    return Result([ServedColumn("type", "nvarchar(100)")], [(str(parameters[0].type),)])


@pytest.fixture(scope="module")
def shop() -> Iterator[Server]:
    orders = ServedTable("dbo", "orders", [ServedColumn("id", "int", nullable=False)], [(at,) for at in range(9)])
    with serve(Database("shop", tables=[orders], answers={"SELECT @P1": _echo})) as server:
        yield server


@pytest.mark.parametrize(("given", "arrived"), _VALUES, ids=lambda value: f"{type(value).__name__} {value}"[:24])
@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_value_arrives(shop: Server, client: Any, given: Any, arrived: Any) -> None:
    with client(shop) as connection:
        rows(connection, "SELECT ?", given)
    (parameter,) = shop.statements[-1].parameters
    assert (parameter.name, parameter.value) == ("P1", arrived)


def test_mssql_python_keeps_what_pyodbc_loses_of_times(shop: Server) -> None:
    """pyodbc sends a time without its fraction, and a moment with an offset without the offset."""
    clock, zoned = dt.time(0, 0, 1, 500_000), _MOMENT.replace(tzinfo=_KOREA)
    arrived = {}
    for name, client in CLIENTS.items():
        with client(shop) as connection:
            rows(connection, "SELECT ?", clock)
            rows(connection, "SELECT ?", zoned)
        arrived[name] = [statement.parameters[0].value for statement in shop.statements[-2:]]
    utc = _LEAP_DAY + _TENTH - 9 * 60 * 60 * 10**7
    assert arrived["mssql-python"] == [15_000_000, Zoned(utc, 540)]
    assert arrived["msodbcsql"] == arrived["FreeTDS"] == [10_000_000, _LEAP_DAY + _TENTH]


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_one_statement_runs_again_with_other_values(shop: Server, client: Any) -> None:
    page = "SELECT TOP (?) [id] FROM [orders] WHERE [id] > CAST(? AS int) ORDER BY [id]"
    with client(shop) as connection:
        cursor = connection.cursor()
        found = [[tuple(row) for row in cursor.execute(page, (2, after)).fetchall()] for after in (-1, 1, 3, None, 7)]
    assert found == [[(0,), (1,)], [(2,), (3,)], [(4,), (5,)], [], [(8,)]]
