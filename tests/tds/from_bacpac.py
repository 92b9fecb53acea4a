"""A real database, out of its .bacpac, as a server has it: the catalog views, and the rows on the wire."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from pipeline.catalog import Catalog, Column, SqlType, Table
from pipeline.sources.bacpac import BacpacSource
from tests.tds.database import Database, ServedColumn, ServedTable
from tests.tds.sys_catalog import Said, answers, said, spelled

_1900 = dt.datetime(1900, 1, 1)  # noqa: DTZ001 (the types have no zone)
_BATCH_ROWS = 1000
Values = Mapping[str, Any]


class Computed(NamedTuple):
    """What a .bacpac does not have of a computed column."""

    type: SqlType
    value: Callable[[Values], object]


# As SQL Server computes them by the expressions of AdventureWorksLT's model.
COMPUTED = {
    "SalesLT.SalesOrderDetail.LineTotal": Computed(
        SqlType("numeric", (38, 6)),
        lambda row: (row["UnitPrice"] * (1 - row["UnitPriceDiscount"]) * row["OrderQty"]).quantize(Decimal("0.000001")),
    ),
    "SalesLT.SalesOrderHeader.SalesOrderNumber": Computed(
        SqlType("nvarchar", (25,)), lambda row: f"SO{row['SalesOrderID']}"
    ),
    "SalesLT.SalesOrderHeader.TotalDue": Computed(
        SqlType("money"), lambda row: row["SubTotal"] + row["TaxAmt"] + row["Freight"]
    ),
}


def catalog_views(catalog: Catalog) -> Said:
    """What the server says of it."""
    return said(catalog, computed={name: computed.type for name, computed in COMPUTED.items()})


@cache
def served(path: Path) -> Database:
    """Every table with all of its rows."""
    with BacpacSource(path) as source:
        catalog = source.catalog()
        tables = [_table(source, table, catalog.facts["collation"]) for table in catalog.tables]
    return Database("shop", catalog.facts["collation"], tables, answers(catalog_views(catalog)))


def _table(source: BacpacSource, table: Table, collation: str) -> ServedTable:
    types = {column.name: _type(table, column) for column in table.columns}
    columns = [
        ServedColumn(name, spelled(type), table.column(name).nullable, collation) for name, type in types.items()
    ]
    rows = [tuple(_wire(row[name], types[name]) for name in types) for row in _rows(source, table)]
    return ServedTable(table.schema or "dbo", table.name.rpartition(".")[2], columns, rows)


def _rows(source: BacpacSource, table: Table) -> Iterator[Values]:
    computed = [column.name for column in table.columns if not column.stored]
    for batch in source.batches(table.name, batch_rows=_BATCH_ROWS):
        for row in batch.frame.iter_rows(named=True):
            yield {**row, **{name: COMPUTED[f"{table.name}.{name}"].value(row) for name in computed}}


def _type(table: Table, column: Column) -> SqlType:
    return column.type if column.stored else COMPUTED[f"{table.name}.{column.name}"].type


def _wire(value: Any, type: SqlType) -> object:
    """A value of a frame in the form of `types`."""
    if value is None:
        return None
    if type.name == "datetime":
        return round((value - _1900) / dt.timedelta(microseconds=1) * 300 / 1_000_000)
    if type.name == "smalldatetime":
        return (value - _1900) // dt.timedelta(minutes=1)
    return UUID(bytes=value) if type.name == "uniqueidentifier" else value
