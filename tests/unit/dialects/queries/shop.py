"""A small shop held in memory: tables, and queries that Access would save over them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import polars as pl

from pipeline.catalog import Catalog, Column, ForeignKey, Index, IndexPart, Query, QueryKind, SqlType, Table
from tests.frames import FrameSource

_at = datetime.fromisoformat


def _column(name: str, type: str, *, nullable: bool = True) -> Column:
    return Column(name, SqlType.parse(type), nullable=nullable)


def _key(*columns: str, primary: bool = True) -> Index:
    return Index(f"k_{'_'.join(columns)}", tuple(map(IndexPart, columns)), unique=True, primary=primary)


CUSTOMERS = Table(
    "Customers",
    (
        _column("ID", "Long", nullable=False),
        _column("Code", "Text(5)", nullable=False),
        _column("Full Name", "Text(40)"),
        _column("City", "Text(20)"),
    ),
    indexes=(_key("ID"), _key("Code", primary=False)),
)
ORDERS = Table(
    "Orders",
    (
        _column("ID", "Long", nullable=False),
        _column("Customer", "Text(5)"),
        _column("Placed", "DateTime"),
        _column("Amount", "Currency"),
        _column("Qty", "Integer"),
        _column("Weight", "Single"),
        _column("Done", "YesNo", nullable=False),
        _column("City", "Text(20)"),
    ),
    indexes=(_key("ID"),),
    foreign_keys=(ForeignKey("CustomersOrders", ("Customer",), "Customers", ("Code",)),),
)
CUSTOMER_ROWS = pl.DataFrame(
    [(1, "ANNA", "Anna", "Berlin"), (2, "BEN", "Ben", "BERLIN"), (3, "CARL", None, "Rome"), (4, "DORA", "Dora", None)],
    schema={"ID": pl.Int32, "Code": pl.String, "Full Name": pl.String, "City": pl.String},
    orient="row",
)
ORDER_ROWS = pl.DataFrame(
    [
        (1, "ANNA", _at("2020-01-05"), Decimal("10.5000"), 3, 0.1, True, "berlin"),
        (2, "ANNA", _at("2020-02-05"), Decimal("7.2500"), 4, 0.25, False, "Bonn"),
        (3, "BEN", None, None, 4, None, True, None),
        (4, "CARL", _at("2021-01-05 13:30"), Decimal("10.5000"), None, 2.5, False, "Rome"),
        (5, None, _at("2021-01-06"), Decimal("99.9900"), 1, 1.0, True, "Rome"),
        (6, "CARL", _at("2019-01-06"), Decimal("0.0100"), 7, 3.5, False, "Rome"),
    ],
    schema={
        "ID": pl.Int32,
        "Customer": pl.String,
        "Placed": pl.Datetime("us"),
        "Amount": pl.Decimal(19, 4),
        "Qty": pl.Int16,
        "Weight": pl.Float32,
        "Done": pl.Boolean,
        "City": pl.String,
    },
    orient="row",
)


def catalog(queries: dict[str, str]) -> Catalog:
    saved = tuple(Query(name, QueryKind.SELECT, sql) for name, sql in queries.items())
    return Catalog((CUSTOMERS, ORDERS), queries=saved)


def shop(queries: dict[str, str]) -> FrameSource:
    return FrameSource(catalog(queries), {"Customers": CUSTOMER_ROWS, "Orders": ORDER_ROWS})
