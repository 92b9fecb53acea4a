"""Every saved query of the reference files: a view with the right rows, or the reason why not."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from pipeline.catalog import QueryKind
from pipeline.dialects.draft import draft
from pipeline.engine.summary import verify_plan
from pipeline.errors import DamagedSource
from pipeline.postgres.connect import Target, connect
from pipeline.sources.access import AccessSource
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.objects import read_objects
from pipeline.sources.codepage import UTF_16
from tests.contract.test_access_reference import REFERENCE, _name, _open
from tests.contract.test_migrated_reference import migrate

pytestmark = pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared/access with the reference files is missing")

_at = datetime.fromisoformat
_PRODUCTS = "- of a whole number and a floating point number"
_NORTHWIND = {
    "Alphabetical list of products": None,
    "Category Sales for 1997": "reads 'Product Sales for 1997'",
    "Current Product List": None,
    "CustOrderHist": "asks for CustomerID",
    "CustOrdersDetail": "asks for OrderID",
    "CustOrdersOrders": "asks for CustomerID",
    "Customer and Suppliers by City": "UNION takes texts that differ in case alone for one, as with City",
    "Employee Sales by Country": "asks for Beginning_Date, Ending_Date",
    "Invoices": _PRODUCTS,
    "Order Details Extended": _PRODUCTS,
    "Order Subtotals": _PRODUCTS,
    "Orders Qry": None,
    "Product Sales for 1997": _PRODUCTS,
    "Products Above Average Price": "asks another query within an expression",
    "Products by Category": "computes with yes and no as numbers",
    "Quarterly Orders": None,
    "Sales Totals by Amount": "reads 'Order Subtotals'",
    "Sales by Category": "reads 'Order Details Extended'",
    "Sales by Year": "asks for Beginning_Date, Ending_Date",
    "SalesByCategory": "asks for CategoryName, OrdYear",
    "Summary of Sales by Quarter": "reads 'Order Subtotals'",
    "Summary of Sales by Year": "reads 'Order Subtotals'",
    "Ten Most Expensive Products": None,
}
"""The reason of each query that becomes no view."""


def test_every_query_is_a_view_or_has_its_reason() -> None:
    with _open(REFERENCE / "northwind.accdb") as source:
        catalog = source.catalog()
    made = draft(catalog)
    reasons = {notice.table: notice.text for notice in made.left}
    assert {query.name for query in catalog.queries} == {*_NORTHWIND} == {*made.mapping.views, *reasons}
    for name, reason in _NORTHWIND.items():
        if reason is None:
            assert name in made.mapping.views
        else:
            assert reason in reasons[name]
    assert all(query.sql and query.reason is None and query.kind is QueryKind.SELECT for query in catalog.queries)


@pytest.mark.parametrize("path", sorted({*REFERENCE.glob("*.*db")} - {REFERENCE / "northwind.accdb"}), ids=_name)
def test_no_other_file_has_a_query_of_its_users(path: Path) -> None:
    """Those of linkedOdbcV2007.accdb stand behind forms."""
    with _open(path) as source:
        assert source.catalog().queries == ()


def _frame(source: AccessSource, table: str, *columns: str) -> pl.DataFrame:
    return pl.concat(batch.frame for batch in source.batches(table, batch_rows=5000, columns=columns or None))


def _expected(source: AccessSource) -> dict[str, pl.DataFrame]:
    """The views' rows, computed from the source's own by another engine."""
    names = {table.name: table.column_names for table in source.catalog().tables}
    products = _frame(source, "Products")
    customers = _frame(source, "Customers")
    orders = _frame(source, "Orders")
    current = products.filter(~pl.col("Discontinued"))
    dear = products.filter(pl.col("UnitPrice") >= products["UnitPrice"].sort(descending=True)[9])
    year = orders.filter(pl.col("OrderDate").is_between(_at("1997-01-01"), _at("1997-12-31")))
    wanted = ("CompanyName", "Address", "City", "Region", "PostalCode", "Country")
    return {
        "alphabetical_list_of_products": current.join(
            _frame(source, "Categories", "CategoryID", "CategoryName"), on="CategoryID"
        ).select(*names["Products"], "CategoryName"),
        "current_product_list": current.select("ProductID", "ProductName"),
        "ten_most_expensive_products": dear.select("ProductName", "UnitPrice"),
        "quarterly_orders": year.join(customers, on="CustomerID", how="left")
        .select("CustomerID", "CompanyName", "City", "Country")
        .unique(),
        "orders_qry": orders.join(customers, on="CustomerID").select(*names["Orders"], *wanted),
    }


def test_the_views_hold_the_rows_that_the_queries_ask_for(database: Target) -> None:
    with _open(REFERENCE / "northwind.accdb") as source:
        plan = migrate(source, database)
        with connect(database, application_name="t", autocommit=True) as connection:
            assert not [f for f in verify_plan(connection, plan, source) if f.verifier == "views"]
            expected = _expected(source)
            assert {*expected} == {view.name for view in plan.target.views}
            for view, frame in expected.items():
                found = connection.execute(f'select * from "{view}"').fetchall()  # type: ignore[arg-type]
                assert Counter(found) == Counter(frame.rows())
                assert frame.height


def _damaged(folder: Path, old: str, new: str) -> Path:
    """Northwind with a word of equal length in the definition of MSysQueries."""
    whole = REFERENCE / "northwind.accdb"
    with AccessFile(whole) as file:
        page = read_objects(file, Names(UTF_16)).system["MSysQueries"].page * file.format.page_size
    content = whole.read_bytes()
    at = content.index(old.encode("utf-16-le"), page, page + 4096)
    path = folder / "damaged.accdb"
    path.write_bytes(content[:at] + new.encode("utf-16-le") + content[at + 2 * len(old) :])
    return path


def test_a_damaged_table_of_queries_stops_unless_salvaged(tmp_path: Path) -> None:
    damaged = _damaged(tmp_path, "Expression", "Expressiom")
    with AccessSource(damaged) as source, pytest.raises(DamagedSource, match="MSysQueries"):
        source.catalog()
    with AccessSource(damaged, salvage=True) as source:
        catalog = source.catalog()
    assert catalog.queries == ()
    assert len(catalog.tables) == 13
    assert any("23 saved queries cannot be read: " in notice.text for notice in catalog.unread)


def test_long_texts_of_a_query_are_read_to_the_limit_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipeline.sources.access.schema.queries._LONGEST", 200)
    with AccessSource(REFERENCE / "northwind.accdb") as source:
        reasons = {query.name: query.reason for query in source.catalog().queries}
    assert reasons["Invoices"] == "it is longer than 200 characters"
    assert reasons["Current Product List"] is None
