"""A table of orders as shops have them, up to 16 columns wide and as long as asked for."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID

from tests.tds.database import Database, LazyRows
from tests.tds.live import database, table
from tests.tds.types import TICKS_PER_DAY, Zoned

_DAYS = [dt.date(2023, 1, 1) + dt.timedelta(days=day) for day in range(900)]


def _day(i: int) -> dt.date:
    return _DAYS[i % len(_DAYS)]


def _ticks(i: int) -> int:
    return (_day(i).toordinal() - 1) * TICKS_PER_DAY + i % 86_400 * 10**7 + i % 1_000_000 * 10


_COLUMNS: dict[str, tuple[str, Callable[[int], Any]]] = {
    "order_id": ("bigint", lambda i: i),
    "customer_id": ("int", lambda i: i % 100_000 + 1),
    "order_no": ("char(12)", lambda i: f"K{i:011d}"),
    "memo": ("nvarchar(200)", lambda i: None if i % 5 == 0 else f"주문 메모 {i} 빠른 배송 부탁드립니다"),
    "address": ("varchar(100)", lambda i: f"서울특별시 종로구 세종대로 {i % 1000}번길"),
    "quantity": ("smallint", lambda i: i % 50 + 1),
    "unit_price": ("money", lambda i: Decimal(i % 100_000) / 8),
    "amount": ("decimal(18,4)", lambda i: Decimal(i) * Decimal("1.2345")),
    "rate": ("float", lambda i: None if i % 3 == 0 else i / 3),
    "paid": ("bit", lambda i: i % 2),
    "ordered_at": ("datetime", lambda i: (_day(i) - dt.date(1900, 1, 1)).days * 25_920_000 + i % 25_920_000),
    "shipped_at": ("datetime2(6)", _ticks),
    "zoned_at": ("datetimeoffset(6)", lambda i: Zoned(_ticks(i), 540)),
    "ship_date": ("date", _day),
    "guid": ("uniqueidentifier", lambda i: UUID(int=i * 0x1234567890ABCDEF1234567)),
    "total": ("money", lambda i: Decimal(i % 5000)),
}
"""Of each the type, and its value in a row."""
COLUMNS = tuple(_COLUMNS)


def _order(columns: tuple[str, ...], i: int) -> tuple[Any, ...]:
    return tuple(_COLUMNS[name][1](i) for name in columns)


def orders(rows: int, columns: tuple[str, ...] = COLUMNS, *, keyed: bool = True) -> Database:
    """With so many of its columns, the first of which is the key unless it shall have none."""
    described = table("orders", {name: _COLUMNS[name][0] for name in columns}, *[columns[:1]] * keyed)
    return database({"orders": LazyRows(rows, partial(_order, columns))}, described, sorted_by={"orders": columns[:1]})
