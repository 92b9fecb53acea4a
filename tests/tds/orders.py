"""A table of orders as shops have them, 16 columns wide and as long as asked for."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any
from uuid import UUID

from tests.tds.database import Database, LazyRows
from tests.tds.live import database, table
from tests.tds.types import TICKS_PER_DAY, Zoned

COLUMNS = {
    "order_id": "bigint",
    "customer_id": "int",
    "order_no": "char(12)",
    "memo": "nvarchar(200)",
    "address": "varchar(100)",
    "quantity": "smallint",
    "unit_price": "money",
    "amount": "decimal(18,4)",
    "rate": "float",
    "paid": "bit",
    "ordered_at": "datetime",
    "shipped_at": "datetime2(6)",
    "zoned_at": "datetimeoffset(6)",
    "ship_date": "date",
    "guid": "uniqueidentifier",
    "total": "money",
}
ORDERS = table("orders", COLUMNS, ("order_id",))
_DAY = dt.date(2023, 1, 1)


def order(i: int) -> tuple[Any, ...]:
    day = _DAY + dt.timedelta(days=i % 900)
    ticks = (day.toordinal() - 1) * TICKS_PER_DAY + i % 86_400 * 10**7 + i % 1_000_000 * 10
    return (
        i,
        i % 100_000 + 1,
        f"K{i:011d}",
        None if i % 5 == 0 else f"주문 메모 {i} 빠른 배송 부탁드립니다",
        f"서울특별시 종로구 세종대로 {i % 1000}번길",
        i % 50 + 1,
        Decimal(i % 100_000) / 8,
        Decimal(i) * Decimal("1.2345"),
        None if i % 3 == 0 else i / 3,
        i % 2,
        (day - dt.date(1900, 1, 1)).days * 25_920_000 + i % 25_920_000,
        ticks,
        Zoned(ticks, 540),
        day,
        UUID(int=i * 0x1234567890ABCDEF1234567),
        Decimal(i % 5000),
    )


def orders(rows: int) -> Database:
    return database({"orders": LazyRows(rows, order)}, ORDERS, sorted_by={"orders": ("order_id",)})
