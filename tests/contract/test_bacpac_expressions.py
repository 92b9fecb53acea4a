"""Every expression and view of the reference files: PostgreSQL's words for it, or the reason why not."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.catalog import Catalog, Table
from pipeline.dialects.constraints import columns_of
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import MSSQL
from pipeline.dialects.naming import Names
from pipeline.mapping.conditions import valid_condition
from pipeline.mapping.target import target_catalog
from pipeline.mapping.types import parse_type
from pipeline.postgres.connect import Target, connect
from tests.contract.bacpac_model import read_model

_COMPUTED = {"LineTotal": "numeric(38,6)", "SalesOrderNumber": "varchar(25)", "TotalDue": "numeric(19,4)"}
"""Their types, which model.xml does not say."""
_SEQUENCE = "refused: it takes the next number of a sequence, which is an object of its own in SQL Server"
_MOMENT = "refused: it depends on the moment, and what PostgreSQL checks or computes has to hold at any"

_ADVENTURE_WORKS = {
    "(getdate())": {"now()"},
    "(newid())": {"gen_random_uuid()"},
    "((0))": {"0", "false"},
    "((1))": {"1", "true"},
    "((0.0))": {"0"},
    "((0.00))": {"0"},
    "(NEXT VALUE FOR [SalesLT].[SalesOrderNumber])": {_SEQUENCE},
    "[ListPrice]>=(0.00)": {'"list_price" >= 0'},
    "[StandardCost]>=(0.00)": {'"standard_cost" >= 0'},
    "[Weight]>(0.00)": {'"weight" > 0'},
    "[SellEndDate]>=[SellStartDate] OR [SellEndDate] IS NULL": {
        '("sell_end_date" >= "sell_start_date") OR ("sell_end_date" IS NULL)'
    },
    "[OrderQty]>(0)": {'"order_qty" > 0'},
    "[UnitPrice]>=(0.00)": {'"unit_price" >= 0'},
    "[UnitPriceDiscount]>=(0.00)": {'"unit_price_discount" >= 0'},
    "[DueDate]>=[OrderDate]": {'"due_date" >= "order_date"'},
    "[ShipDate]>=[OrderDate] OR [ShipDate] IS NULL": {'("ship_date" >= "order_date") OR ("ship_date" IS NULL)'},
    "[Freight]>=(0.00)": {'"freight" >= 0'},
    "[SubTotal]>=(0.00)": {'"sub_total" >= 0'},
    "[TaxAmt]>=(0.00)": {'"tax_amt" >= 0'},
    "[Status]>=(0) AND [Status]<=(8)": {'("status" >= 0) AND ("status" <= 8)'},
    "(isnull(([UnitPrice]*((1.0)-[UnitPriceDiscount]))*[OrderQty],(0.0)))": {
        'COALESCE((CAST(ROUND((CAST("unit_price" AS DECIMAL) * (CAST(1.0 AS DECIMAL) - "unit_price_discount")), 6) '
        'AS DECIMAL) * "order_qty"), 0)'
    },
    "(isnull(N'SO'+CONVERT([nvarchar](23),[SalesOrderID],(0)),N'*** ERROR ***'))": {
        "COALESCE(('SO' || CAST(\"sales_order_id\" AS TEXT)), '*** ERROR ***')"
    },
    "(isnull(([SubTotal]+[TaxAmt])+[Freight],(0)))": {
        'COALESCE((CAST((CAST("sub_total" AS DECIMAL) + "tax_amt") AS DECIMAL) + "freight"), 0)'
    },
}
_NORTHWIND = {
    "((0))": {"0", "false"},
    "((1))": {"1"},
    "[BirthDate]<getdate()": {_MOMENT},
    "[Discount]>=(0) AND [Discount]<=(1)": {'("discount" >= 0) AND ("discount" <= 1)'},
    "[UnitPrice]>=(0)": {'"unit_price" >= 0'},
    "[Quantity]>(0)": {'"quantity" > 0'},
    "[ReorderLevel]>=(0)": {'"reorder_level" >= 0'},
    "[UnitsInStock]>=(0)": {'"units_in_stock" >= 0'},
    "[UnitsOnOrder]>=(0)": {'"units_on_order" >= 0'},
}
_FILES = {"AdventureWorksLT": (_ADVENTURE_WORKS, 32 + 13 + 3), "Northwind": (_NORTHWIND, 9 + 8)}
"""Each expression with what it becomes, and how many there are."""
_NOT_EXACT = "- of a whole number and a real is not exact"
_VIEWS: dict[str, dict[str, str | None]] = {
    "AdventureWorksLT": {
        "vGetAllCategories": "WITH has no translation",
        "vProductAndDescription": None,
        "vProductModelCatalogDescription": "a method of a value",
    },
    "Northwind": {
        "Alphabetical list of products": None,
        "Category Sales for 1997": "reads 'Product Sales for 1997'",
        "Current Product List": None,
        "Customer and Suppliers by City": "UNION takes texts for one that the collation does not tell apart",
        "Invoices": _NOT_EXACT,
        "Order Details Extended": _NOT_EXACT,
        "Order Subtotals": _NOT_EXACT,
        "Orders Qry": None,
        "Product Sales for 1997": _NOT_EXACT,
        "Products Above Average Price": "asks other rows",
        "Products by Category": None,
        "Quarterly Orders": None,
        "Sales Totals by Amount": "reads 'Order Subtotals'",
        "Sales by Category": "reads 'Order Details Extended'",
        "Summary of Sales by Quarter": "reads 'Order Subtotals'",
        "Summary of Sales by Year": "reads 'Order Subtotals'",
    },
}
"""The reason of each view that is left."""


def _catalog(shared: Path, name: str) -> Catalog:
    path = shared / "bacpac" / f"{name}.bacpac"
    if not path.is_file():
        pytest.skip(f"{path.name} is not in the shared test data")
    return read_model(path)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What becomes of one expression."""

    text: str
    sql: str
    """Or the reason why there is none."""
    clause: str
    """Where it stands in DDL, as a template."""

    @property
    def refused(self) -> bool:
        return self.sql.startswith("refused: ")


def _made(clause: str, translate: Callable[..., str], text: str, *about: object) -> _Outcome:
    try:
        return _Outcome(text, translate(text, *about), clause)
    except ValueError as reason:
        return _Outcome(text, f"refused: {reason}", clause)


def _outcomes(table: Table) -> Iterator[_Outcome]:
    known = columns_of(table, MSSQL, Names("snake"))
    for column in table.columns:
        name = known.names[column.name]
        if column.default is not None:
            yield _made(f'alter "{name}" set default {{}}', MSSQL.default, column.default, known.types[column.name])
        if column.calculated is not None:
            type = parse_type(_COMPUTED[column.name])
            clause = f'add "{name}" {type} generated always as ({{}}) stored'
            yield _made(clause, MSSQL.generated, column.calculated, type, known)
    for check in table.checks:
        yield _made("add check ({})", _check, check.expression, None, known)


def _check(*about: Any) -> str:
    return valid_condition(MSSQL.check(*about))


@pytest.mark.parametrize("name", _FILES)
def test_every_expression_translates_or_has_its_reason(shared: Path, name: str) -> None:
    expected, count = _FILES[name]
    outcomes = [outcome for table in _catalog(shared, name).tables for outcome in _outcomes(table)]
    found: dict[str, set[str]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.text, set()).add(outcome.sql)
    assert found == expected
    assert len(outcomes) == count


@pytest.mark.parametrize("name", _FILES)
def test_postgres_takes_what_translates(shared: Path, database: Target, name: str) -> None:
    """As defaults, checks and generated columns of tables that have the types of the rules."""
    with connect(database, application_name="tests", autocommit=True) as connection:
        for table in _catalog(shared, name).tables:
            known = columns_of(table, MSSQL, Names("snake"))
            columns = ", ".join(f'"{known.names[source]}" {type}' for source, type in known.types.items())
            connection.execute(f'create table "{table.name}" ({columns})'.encode())
            for outcome in _outcomes(table):
                if not outcome.refused:
                    connection.execute(f'alter table "{table.name}" {outcome.clause.format(outcome.sql)}'.encode())


@pytest.mark.parametrize("name", _FILES)
def test_every_view_translates_or_has_its_reason(shared: Path, database: Target, name: str) -> None:
    catalog = _without_computed(_catalog(shared, name))
    made = draft(catalog, dialect=MSSQL)
    reasons = {notice.table: notice.text for notice in made.left}
    for view, reason in _VIEWS[name].items():
        assert (reason or "") in reasons.get(view, ""), view
        assert (view in made.mapping.views) is (reason is None), reasons.get(view)
    assert {*_VIEWS[name]} == {query.name for query in catalog.queries}
    target = target_catalog(made.mapping, catalog)
    with connect(database, application_name="tests", autocommit=True) as connection:
        for table in target.tables:
            columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            connection.execute(f'create table "{table.name}" ({columns})'.encode())
        for view in target.views:
            connection.execute(f'create view "{view.name}" as {view.sql}'.encode())


def _without_computed(catalog: Catalog) -> Catalog:
    tables = (
        replace(table, columns=tuple(column for column in table.columns if column.calculated is None))
        for table in catalog.tables
    )
    return replace(catalog, tables=tuple(tables))
