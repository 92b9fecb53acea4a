"""Every real .bacpac: all rows of all tables to the exact end of each data file, and values that are published."""

from __future__ import annotations

import struct
import uuid
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from pipeline.catalog import Action, Catalog, Column, SqlType
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.engine.plan import make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.sql import SQL, columns, relation
from pipeline.record import Run
from pipeline.sources.bacpac import BacpacSource
from tests.unit.engine.test_run import Silent
from tests.unit.sources.bacpac.export import Made, rows

FOLDER = Path(__file__).parents[2].parent / "shared" / "bacpac"
FILES = sorted(FOLDER.glob("*.bacpac")) if FOLDER.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="../shared/bacpac is missing")

# As the scripts that Microsoft publishes fill them.
NORTHWIND = {
    "Categories": 8,
    "CustomerCustomerDemo": 0,
    "CustomerDemographics": 0,
    "Customers": 91,
    "EmployeeTerritories": 49,
    "Employees": 9,
    "Order Details": 2155,
    "Orders": 830,
    "Products": 77,
    "Region": 4,
    "Shippers": 3,
    "Suppliers": 29,
    "Territories": 53,
}
ADVENTURE_WORKS_LT = {
    "BuildVersion": 1,
    "ErrorLog": 0,
    "SalesLT.Address": 450,
    "SalesLT.Customer": 847,
    "SalesLT.CustomerAddress": 417,
    "SalesLT.Product": 295,
    "SalesLT.ProductCategory": 41,
    "SalesLT.ProductDescription": 762,
    "SalesLT.ProductModel": 128,
    "SalesLT.ProductModelProductDescription": 762,
    "SalesLT.SalesOrderDetail": 542,
    "SalesLT.SalesOrderHeader": 32,
}


def catalog_of(name: str) -> Catalog:
    with BacpacSource(FOLDER / f"{name}.bacpac") as source:
        return source.catalog()


def rows_of(name: str, table: str) -> pl.DataFrame:
    with BacpacSource(FOLDER / f"{name}.bacpac") as source:
        return pl.concat(batch.frame for batch in source.batches(table, batch_rows=1000))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_all_rows_that_the_export_counted(path: Path) -> None:
    with BacpacSource(path) as source:
        catalog = source.catalog()
        read = {
            table.name: sum(batch.frame.height for batch in source.batches(table.name, batch_rows=100))
            for table in catalog.tables
        }
        assert read == {table.name: source.count(table.name) for table in catalog.tables}
    assert sum(read.values()) == int(catalog.facts["rows"])


@pytest.mark.parametrize(
    ("name", "expected"), [("Northwind", NORTHWIND), ("AdventureWorksLT", ADVENTURE_WORKS_LT)], ids=lambda value: value
)
def test_rows_by_table(name: str, expected: dict[str, int]) -> None:
    with BacpacSource(FOLDER / f"{name}.bacpac") as source:
        assert {table.name: source.count(table.name) for table in source.catalog().tables} == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_defects_and_the_same_rows_from_any_position(path: Path) -> None:
    with BacpacSource(path) as source:
        for table in source.catalog().tables:
            whole = list(source.batches(table.name, batch_rows=100))
            assert not [batch for batch in whole if batch.defects]
            for batch in whole[:3]:
                rest = source.batches(table.name, after=batch.position, batch_rows=7)
                after = [row for later in rest for row in zip(later.locators, later.frame.rows(), strict=True)]
                expected = [row for later in whole for row in zip(later.locators, later.frame.rows(), strict=True)]
                assert after == [row for row in expected if row[0] > batch.locators[-1]]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_rows_that_are_written_again_are_the_files_to_the_last_byte(path: Path) -> None:
    """By the tests' own writer, which knows no line of the reader: nothing was lost, and nothing taken for another."""
    with BacpacSource(path) as source, zipfile.ZipFile(path) as archive:
        for table in source.catalog().tables:
            folder = f"Data/{quote(f'{table.schema}.{table.name.rpartition(chr(46))[2]}')}/"
            files = sorted(name for name in archive.namelist() if name.startswith(folder))
            made = [_made(column) for column in table.columns if column.stored]
            written = b"".join(
                rows(made, (tuple(map(_native, row, made)) for row in batch.frame.iter_rows()))
                for batch in source.batches(table.name, batch_rows=1000)
            )
            assert written == b"".join(map(archive.read, files)), table.name


def _made(column: Column) -> Made:
    sized = column.type.name in {"varchar", "nvarchar", "varbinary"} and not column.type.args
    return Made(column.name, f"{column.type.name}(max)" if sized else str(column.type), column.nullable)


def _native(value: object, column: Made) -> object:
    return uuid.UUID(bytes=value) if isinstance(value, bytes) and column.word == "uniqueidentifier" else value


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_cell_arrives_and_verification_finds_nothing(path: Path, database: Target) -> None:
    with BacpacSource(path) as source:
        catalog = source.catalog()
        dialect = sql_server(catalog.facts["collation"], offline=True)
        plan = make_plan(catalog, draft(catalog, dialect=dialect).mapping, dialect)
        run = Run("r", "migrate", "", source.fingerprint().digest, "", "0")
        Migration(source, plan, database, run, Options(1000), Silent()).execute()
        with connect(database, application_name="t", autocommit=True) as connection:
            assert verify_plan(connection, plan, source) == ()
            for task in plan.tasks:
                select = SQL("select {} from {}").format(columns(task.target.column_names), relation(task.target))
                arrived = Counter(tuple(map(_plain, row)) for row in connection.execute(select))
                batches = list(source.batches(task.source.name, batch_rows=1000))
                sent = Counter(tuple(map(_plain, row)) for batch in batches for row in batch.frame.iter_rows())
                assert arrived == sent, task.source.name


def _plain(value: object) -> object:
    """A single float reads as 0.1 from the one and as 0.10000000149 from the other."""
    if isinstance(value, float):
        return struct.pack("<f", value)
    return value.bytes if isinstance(value, uuid.UUID) else value


def test_northwind_values() -> None:
    products = rows_of("Northwind", "Products")
    chai = products.row(by_predicate=pl.col("ProductID") == 1, named=True)
    assert chai == {
        "ProductID": 1,
        "ProductName": "Chai",
        "SupplierID": 1,
        "CategoryID": 1,
        "QuantityPerUnit": "10 boxes x 20 bags",
        "UnitPrice": Decimal("18.0000"),
        "UnitsInStock": 39,
        "UnitsOnOrder": 0,
        "ReorderLevel": 10,
        "Discontinued": False,
    }
    employees = rows_of("Northwind", "Employees")
    nancy = employees.row(by_predicate=pl.col("EmployeeID") == 1, named=True)
    assert (nancy["LastName"], str(nancy["BirthDate"]), nancy["ReportsTo"]) == ("Davolio", "1948-12-08 00:00:00", 2)
    assert employees.filter(pl.col("ReportsTo").is_null())["LastName"].to_list() == ["Fuller"]
    customers = rows_of("Northwind", "Customers")
    assert customers.filter(CustomerID="BERGS")["CompanyName"].item() == "Berglunds snabbköp"
    assert rows_of("Northwind", "Region")["RegionDescription"][0] == f"{'Eastern':50}"
    pictures = rows_of("Northwind", "Categories")["Picture"]
    assert pictures.bin.size().to_list() == [10746] * 8  # each 10,668 bytes of bitmap in an OLE object


def test_northwind_totals() -> None:
    """The sum of all order lines, 1,265,793.04, is what every Northwind tutorial comes to."""
    lines = rows_of("Northwind", "Order Details")
    amounts = lines.select(
        pl.col("UnitPrice").cast(pl.Float64) * pl.col("Quantity") * (1 - pl.col("Discount").cast(pl.Float64))
    )
    assert round(amounts.to_series().sum(), 2) == 1265793.04
    assert rows_of("Northwind", "Orders")["Freight"].sum() == Decimal("64942.6900")


def test_adventure_works_values() -> None:
    product = rows_of("AdventureWorksLT", "SalesLT.Product").row(by_predicate=pl.col("ProductID") == 680, named=True)
    assert product["Name"] == "HL Road Frame - Black, 58"
    assert (product["StandardCost"], product["ListPrice"]) == (Decimal("1059.3100"), Decimal("1431.5000"))
    assert product["Weight"] == Decimal("1016.04")
    assert uuid.UUID(bytes=product["rowguid"]) == uuid.UUID("43dd68d6-14a4-461f-9069-55309d90ea7e")
    assert product["ThumbNailPhoto"][:6] == b"GIF89a"
    models = rows_of("AdventureWorksLT", "SalesLT.ProductModel")
    described = models["CatalogDescription"].drop_nulls()
    assert len(described) == 6
    assert all("<p1:ProductDescription" in text for text in described)


def test_northwind_catalog() -> None:
    catalog = catalog_of("Northwind")
    assert sum(len(table.foreign_keys) for table in catalog.tables) == 13
    assert sum(len(table.checks) for table in catalog.tables) == 8
    assert len(catalog.queries) == 16
    details = catalog.table("Order Details")
    assert details.primary_key == ("OrderID", "ProductID")
    assert [column.default for column in details.columns] == [None, None, "((0))", "((1))", "((0))"]
    assert {(check.name, check.expression, check.columns) for check in details.checks} == {
        ("CK_Discount", "[Discount]>=(0) AND [Discount]<=(1)", ("Discount",)),
        ("CK_Quantity", "[Quantity]>(0)", ("Quantity",)),
        ("CK_UnitPrice", "[UnitPrice]>=(0)", ("UnitPrice",)),
    }
    employees = catalog.table("Employees")
    assert [column.name for column in employees.columns if column.identity] == ["EmployeeID"]
    assert [(key.columns, key.parent) for key in employees.foreign_keys] == [(("ReportsTo",), "Employees")]


def test_adventure_works_catalog() -> None:
    catalog = catalog_of("AdventureWorksLT")
    header = catalog.table("SalesLT.SalesOrderHeader")
    assert header.schema == "SalesLT"
    computed = {column.name: column.calculated for column in header.columns if not column.stored}
    assert computed == {
        "SalesOrderNumber": "(isnull(N'SO'+CONVERT([nvarchar](23),[SalesOrderID],(0)),N'*** ERROR ***'))",
        "TotalDue": "(isnull(([SubTotal]+[TaxAmt])+[Freight],(0)))",
    }
    # Alias types: [dbo].[Flag] is bit, [dbo].[AccountNumber] nvarchar(15).
    assert header.column("OnlineOrderFlag").type == SqlType("bit")
    assert header.column("AccountNumber").type == SqlType("nvarchar", (15,))
    assert catalog.table("SalesLT.Product").column("Weight").type == SqlType("decimal", (8, 2))
    detail = catalog.table("SalesLT.SalesOrderDetail")
    assert {(key.parent, key.on_delete) for key in detail.foreign_keys} == {
        ("SalesLT.Product", Action.NO_ACTION),
        ("SalesLT.SalesOrderHeader", Action.CASCADE),
    }
    assert [index.name for index in catalog.table("BuildVersion").indexes] == ["PK__BuildVer__35E58ECA9798E65C"]
    assert {query.name for query in catalog.queries} == {
        "SalesLT.vGetAllCategories",
        "SalesLT.vProductAndDescription",
        "SalesLT.vProductModelCatalogDescription",
    }
