"""Views of SQL Server run in PostgreSQL over rows, and are left where they would show others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from pipeline.catalog import Catalog, Column, ForeignKey, Index, IndexPart, Query, QueryKind, SqlType, Table
from pipeline.dialects.draft import Draft, draft
from pipeline.dialects.mssql import MSSQL
from pipeline.mapping.selects import valid_select
from pipeline.mapping.target import target_catalog
from pipeline.postgres.connect import Connection, connect
from pipeline.postgres.embedded import EmbeddedServer


def _table(name: str, key: tuple[str, ...], columns: dict[str, str], *keys: ForeignKey) -> Table:
    made = tuple(Column(column, SqlType.parse(type), nullable=column not in key) for column, type in columns.items())
    index = Index("key", tuple(map(IndexPart, key)), unique=True, primary=True)
    return Table(name, made, schema="dbo", indexes=(index,), foreign_keys=keys)


_TABLES = (
    _table("Customers", ("Code",), {"Code": "nchar(5)", "Company": "nvarchar(40)", "City": "nvarchar(15)"}),
    _table(
        "Orders",
        ("OrderID",),
        {"OrderID": "int", "Code": "nchar(5)", "At": "datetime", "Freight": "money", "Done": "bit", "Weight": "real"},
        ForeignKey("orders_code", ("Code",), "Customers", ("Code",)),
    ),
    _table(
        "Order Details",
        ("OrderID", "Line"),
        {"OrderID": "int", "Line": "smallint", "Quantity": "smallint", "Price": "money"},
        ForeignKey("details_order", ("OrderID",), "Orders", ("OrderID",)),
    ),
)
_ROWS = """
    insert into customers values ('ALFKI', 'Alfreds', 'Berlin'), ('BONAP', 'Bon app', 'Pau'), ('NONE', 'x', null);
    insert into orders values (1, 'ALFKI', '1997-01-01', 10.5, true, 1),
                              (2, 'ALFKI', '1997-12-31 12:00', 0.25, false, 2),
                              (3, 'BONAP', '1998-01-01', null, false, 3), (4, null, null, 1, true, null);
    insert into order_details values (1, 1, 3, 1.1), (1, 2, 5, 2.0001), (2, 1, 1, 100)
"""


def _drafted(*sql: str, tables: tuple[Table, ...] = _TABLES) -> Draft:
    queries = tuple(Query(f"V{i}", QueryKind.SELECT, text) for i, text in enumerate(sql))
    return draft(Catalog(tables, queries=queries), dialect=MSSQL)


@pytest.fixture(scope="module")
def connection(server: EmbeddedServer) -> Iterator[Connection]:
    with connect(server.target(), application_name="tests", autocommit=True) as open_connection:
        for table in target_catalog(_drafted().mapping, Catalog(_TABLES)).tables:
            columns = ", ".join(f'"{column.name}" {column.type}' for column in table.columns)
            open_connection.execute(f"create temporary table {table.name} ({columns})".encode())
        open_connection.execute(_ROWS)
        yield open_connection


_at = datetime.fromisoformat


@pytest.mark.parametrize(
    ("view", "rows"),
    [
        ("SELECT OrderID, Freight FROM Orders WHERE Done=1", [(1, Decimal("10.5")), (4, Decimal(1))]),
        ("CREATE VIEW [dbo].[Shown] WITH SCHEMABINDING AS SELECT o.[OrderID] FROM [dbo].[Orders] AS o WHERE o.[At]>="
         "'19980101' -- the last", [(3,)]),
        ("SELECT O.OrderID, C.Company AS [Sold To] FROM Customers C INNER JOIN Orders O ON C.Code = O.Code",
         [(1, "Alfreds"), (2, "Alfreds"), (3, "Bon app")]),
        ("SELECT Orders.OrderID, Company FROM Customers RIGHT JOIN Orders ON Customers.Code = Orders.Code",
         [(1, "Alfreds"), (2, "Alfreds"), (3, "Bon app"), (4, None)]),
        ("SELECT DISTINCT Customers.Code, Company FROM Customers JOIN Orders ON Customers.Code = Orders.Code",
         [("ALFKI", "Alfreds"), ("BONAP", "Bon app")]),
        ('SELECT Orders.OrderID, SUM("Order Details".Price*Quantity) AS Total, COUNT(*) AS N FROM (Orders LEFT JOIN '
         '"Order Details" ON Orders.OrderID="Order Details".OrderID) GROUP BY Orders.OrderID HAVING COUNT(*)>=1',
         [(1, Decimal("13.3005"), 2), (2, Decimal(100), 1), (3, None, 1), (4, None, 1)]),
        ("SELECT C.Code, MAX(O.At) AS Last FROM Customers C, Orders O WHERE C.Code=O.Code GROUP BY C.Code",
         [("ALFKI", _at("1997-12-31 12:00")), ("BONAP", _at("1998-01-01"))]),
        ("SELECT Code, 'customer' AS Kind FROM Customers WHERE City='BERLIN ' UNION ALL SELECT Code, 'order' FROM "
         "Orders WHERE Freight IS NULL", [("ALFKI", "customer"), ("BONAP", "order")]),
        ("SELECT OrderID FROM Orders UNION SELECT OrderID FROM [Order Details]", [(1,), (2,), (3,), (4,)]),
        ("SELECT OrderID, ISNULL(Freight,0) AS Freight, CASE WHEN Done=1 THEN 'yes' ELSE 'no' END AS Done, "
         "YEAR(At) AS [Year] FROM Orders WHERE At BETWEEN '19970101' AND '19971231'",
         [(1, Decimal("10.5"), "yes", 1997)]),
        ("SELECT A.Line, B.OrderID FROM Orders B JOIN (([Order Details] A CROSS JOIN Customers C) JOIN Orders D ON "
         "A.OrderID=D.OrderID) ON B.OrderID=A.OrderID AND C.Code=B.Code WHERE A.Price>2", [(1, 2), (2, 1)]),
        ("SELECT Line+1 AS Next FROM [Order Details] WHERE GETDATE()>'19970101'", [(2,), (2,), (3,)]),
    ],
)  # fmt: skip
def test_views(connection: Connection, view: str, rows: list[tuple[object, ...]]) -> None:
    made = _drafted(view)
    assert not made.left, made.left
    sql = made.mapping.views["V0"].sql
    assert sql is not None
    found = connection.execute(valid_select(sql).encode()).fetchall()
    assert sorted(found, key=repr) == sorted(rows, key=repr)


def test_a_view_reads_views_that_are_carried() -> None:
    made = _drafted("SELECT x.Freight FROM [dbo].[V1] AS x WHERE x.OrderID>0", "SELECT OrderID, Freight FROM Orders",
                    "SELECT y.Freight FROM V3 AS y",
                    "SELECT TOP 1 Freight FROM Orders", "SELECT * FROM V4 AS z")  # fmt: skip
    assert {*made.mapping.views} == {"V0", "V1"}
    reasons = {notice.table: notice.text for notice in made.left}
    assert "reads 'V3'" in reasons["V2"]
    assert "TOP" in reasons["V3"]
    assert "reads itself" in reasons["V4"]


@pytest.mark.parametrize(
    ("view", "reason"),
    [
        ("SELECT DISTINCT City FROM Customers", "DISTINCT takes texts for one"),
        ("SELECT City, COUNT(*) AS N FROM Customers GROUP BY City", "GROUP BY takes texts for one"),
        ("SELECT City FROM Customers UNION SELECT Company FROM Customers", "UNION takes texts for one"),
        ("SELECT a.Code FROM Customers a JOIN Customers b ON a.City=b.City", "two columns of text"),
        ("SELECT MAX(City) AS Last FROM Customers", "max of text"),
        ("SELECT COUNT(DISTINCT Code) AS N FROM Orders", "Distinct"),
        ("SELECT AVG(Freight) AS F FROM Orders", "avg"),
        ("SELECT SUM(Weight) AS W FROM Orders", "order of its rows"),
        ("SELECT Weight*2 AS W FROM Orders", "not exact"),
        ("SELECT UPPER(City) AS C FROM Customers", "text of one case"),
        ("SELECT OrderID FROM Orders UNION ALL SELECT Freight FROM Orders", "UNION makes one type"),
        ("SELECT OrderID FROM Orders EXCEPT SELECT OrderID FROM [Order Details]", "Except"),
        ("SELECT TOP 5 OrderID FROM Orders ORDER BY At", "has no translation"),
        ("SELECT OrderID FROM Orders WITH (NOLOCK)", "a hint"),
        ("WITH c AS (SELECT OrderID FROM Orders) SELECT OrderID FROM c", "WITH"),
        ("SELECT OrderID FROM Orders WHERE OrderID IN (SELECT OrderID FROM [Order Details])", "without a list"),
        ("SELECT OrderID FROM (SELECT OrderID FROM Orders) AS o", "no table by name"),
        ("SELECT o.OrderID FROM Orders o CROSS APPLY f(o.OrderID) g", "no table by name"),
        ("SELECT OrderID, OrderID FROM Orders", "two of its columns"),
        ("SELECT Orders.OrderID FROM Orders JOIN Orders ON 1=1", "two of its tables"),
        ("SELECT OrderID FROM Orders JOIN [Order Details] ON 1=1", "two columns are named 'OrderID'"),
        ("SELECT OrderID+1 FROM Orders", "no name"),
        ("SELECT x.OrderID FROM Orders", "none of its tables"),
        ("SELECT Missing FROM Orders", "no column 'Missing'"),
        ("SELECT OrderID FROM other.Orders", "reads 'Orders'"),
        ("SELECT OrderID FROM elsewhere.dbo.Orders", "CATALOG"),
        ("SELECT SUSER_SNAME() AS Who FROM Orders", "who is connected"),
        ("SELECT [At].value('x','y') AS V FROM Orders", "a method of a value"),
        ("SELECT ROW_NUMBER() OVER (ORDER BY OrderID) AS N FROM Orders", "Window"),
        ("SELECT OrderID INTO t FROM Orders", "INTO"),
        ("CREATE VIEW v (a) AS SELECT OrderID FROM Orders", "no SELECT"),
        ("CREATE TABLE t (a int)", "no SELECT"),
        ("DELETE FROM Orders", "no SELECT"),
        ("BEGIN SELECT 1 END", "not T-SQL that is known"),
        ("CREATE VIEW v AS CONVERT(", "not closed"),
        ("SELECT OrderID FROM Orders; DROP TABLE orders", "not one expression"),
        ("", "not one expression"),
        ("SELECT " + "(" * 300 + "1" + ")" * 300 + " AS a", "too deep"),
    ],
)  # fmt: skip
def test_what_would_show_other_rows_is_left(view: str, reason: str) -> None:
    made = _drafted(view)
    assert not made.mapping.views
    assert reason in made.left[0].text


def test_a_view_compares_each_column_by_its_own_collation() -> None:
    """Through a view over a view as well; what two collations are brought together in is left."""
    cased = (
        replace(column, collation="Latin1_General_BIN2") if column.name == "City" else column
        for column in _TABLES[0].columns
    )
    made = _drafted(
        "SELECT Code FROM Customers WHERE City='Pau' AND Company='Alfreds'",
        "SELECT City AS Town FROM Customers",
        "SELECT Town FROM V1 WHERE Town='Pau'",
        "SELECT City FROM Customers UNION ALL SELECT Company FROM Customers",
        tables=(replace(_TABLES[0], columns=tuple(cased)), *_TABLES[1:]),
    )
    both = str(made.mapping.views["V0"].sql)
    assert 'RTRIM("customers"."city") = \'Pau\'' in both
    assert 'LOWER("customers"."company" COLLATE "C")) = \'alfreds\'' in both
    assert "LOWER" not in str(made.mapping.views["V2"].sql)
    (left,) = made.left
    assert (left.table, "latin1_general_bin2 and sql_latin1_general_cp1_ci_as" in left.text) == ("V3", True)


def test_what_is_unique_among_some_rows_tells_no_texts_apart() -> None:
    whole = replace(_TABLES[0].indexes[0], primary=False, included=("City",))
    for index, carried in ((whole, True), (replace(whole, predicate="([City] IS NULL)"), False)):
        made = _drafted("SELECT DISTINCT Code FROM Customers", tables=(replace(_TABLES[0], indexes=(index,)),))
        assert ("V0" in made.mapping.views) is carried
