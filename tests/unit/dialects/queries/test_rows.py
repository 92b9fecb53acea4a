"""What views give in PostgreSQL against the same question answered by Polars over the source's rows."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import polars as pl
import pytest
from polars import col

from pipeline.dialects.draft import draft
from pipeline.postgres.connect import Target, connect
from tests.unit.dialects.queries.shop import CUSTOMER_ROWS, ORDER_ROWS, shop
from tests.unit.load.walk import findings, migrate, plan_of

Rows = list[tuple[object, ...]]
_at = datetime.fromisoformat
_C, _O = CUSTOMER_ROWS, ORDER_ROWS
_JOINED = _O.join(_C, left_on="Customer", right_on="Code", suffix="_c")

QUERIES: dict[str, tuple[str, Callable[[], Rows | pl.DataFrame | pl.Series]]] = {
    "All Columns": ("SELECT * FROM Customers;", lambda: _C.rows()),
    "Not Done": ("SELECT o.ID FROM Orders AS o WHERE ((o.[Done])=False)", lambda: _O.filter(~col("Done"))["ID"]),
    "In Berlin": (
        'SELECT orders.id AS [No.] FROM ORDERS WHERE city = "Berlin"',
        lambda: _O.filter(col("City").str.to_lowercase() == "berlin")["ID"],
    ),
    "Inner": (
        "SELECT Orders.ID, Customers.ID, [Full Name] & '!' AS Shout "
        "FROM Customers INNER JOIN Orders ON Customers.Code = Orders.Customer",
        lambda: _JOINED.select("ID", "ID_c", col("Full Name").fill_null("") + "!"),
    ),
    "Left": (
        "SELECT c.[Full Name], o.Amount FROM Customers AS c LEFT JOIN Orders AS o ON c.Code = o.Customer",
        lambda: _C.join(_O, left_on="Code", right_on="Customer", how="left").select("Full Name", "Amount"),
    ),
    "Right": (
        "SELECT c.ID AS Who, o.ID AS What FROM Customers AS c RIGHT JOIN Orders AS o ON c.Code = o.Customer",
        lambda: _O.join(_C, left_on="Customer", right_on="Code", how="left", suffix="_c").select("ID_c", "ID"),
    ),
    "Siblings": (
        "SELECT a.ID AS One, b.ID AS Other FROM Orders AS a INNER JOIN (Customers INNER JOIN Orders AS b "
        "ON Customers.Code = b.Customer) ON a.Customer = b.Customer WHERE a.ID < b.ID",
        lambda: _O.join(_O, on="Customer", suffix="_b").filter(col("ID") < col("ID_b")).select("ID", "ID_b"),
    ),
    "Crossed": (
        "SELECT c.ID AS C, o.ID AS O FROM Customers AS c, Orders AS o WHERE c.Code = o.Customer And o.Qty > 3",
        lambda: _JOINED.filter(col("Qty") > 3).select("ID_c", "ID"),
    ),
    "Totals": (
        "SELECT Customer, Count(*) AS N, Count(Amount) AS Known, Sum(Amount) AS S, Sum(Qty) AS Q, Avg(Qty) AS A, "
        "Min(Placed) AS First_, Max(Amount) AS M FROM Orders GROUP BY Customer",
        lambda: _O.group_by("Customer").agg(
            pl.len(),
            col("Amount").count().alias("known"),
            col("Amount").sum().alias("s").replace(0, None),
            col("Qty").sum().alias("q"),
            col("Qty").mean().alias("a"),
            col("Placed").min().alias("f"),
            col("Amount").max().alias("m"),
        ),
    ),
    "Big Totals": (
        "SELECT Totals.Customer, [Totals]![S] + 1 AS More FROM Totals WHERE Totals.S > 10.5",
        lambda: [("ANNA", Decimal("18.75")), ("CARL", Decimal("11.51")), (None, Decimal("100.99"))],
    ),
    "Frequent": (
        "SELECT Customer FROM Orders GROUP BY Customer HAVING Count(*) > 1 AND Sum(Qty) > 3",
        lambda: [("ANNA",), ("CARL",)],
    ),
    "Who Ordered": (
        "SELECT DISTINCT Customers.Code, Customers.City FROM Customers INNER JOIN Orders "
        "ON Orders.Customer = Customers.Code",
        lambda: [("ANNA", "Berlin"), ("BEN", "BERLIN"), ("CARL", "Rome")],
    ),
    "Dearest Two": (
        "SELECT TOP 2 ID, Amount FROM Orders ORDER BY Amount DESC",
        lambda: _O.filter(col("Amount") >= 10).select("ID", "Amount"),
    ),
    "Cheapest": (
        "SELECT TOP 1 ID FROM Orders ORDER BY Amount, Done, ID",
        lambda: [(3,)],  # Null comes first
    ),
    "Done First": ("SELECT TOP 3 ID FROM Orders ORDER BY Done", lambda: [(1,), (3,), (5,)]),
    "Both": (
        "SELECT ID, City FROM Customers UNION ALL SELECT ID, City FROM Orders ORDER BY ID DESC;",
        lambda: _C.select("ID", "City").rows() + _O.select("ID", "City").rows(),
    ),
    "Either": (
        "SELECT ID, Code FROM Customers UNION SELECT Qty, Customer FROM Orders",
        lambda: [*{*_C.select("ID", "Code").rows(), *_O.select("Qty", "Customer").rows()}],
    ),
    "Computed": (
        "SELECT ID, [Qty]*[Amount] AS Price, [Price]+1 AS Plus, IIf([Qty] Is Null, 0, [Qty]) AS Some, "
        "Year([Placed]) AS Y, DateAdd('m', 1, Placed) AS Due FROM Orders WHERE ID In (1, 4)",
        lambda: [
            (1, Decimal("31.5"), Decimal("32.5"), 3, 2020, _at("2020-02-05")),
            (4, None, None, 0, 2021, _at("2021-02-05 13:30")),
        ],
    ),
    "Derived": (
        "SELECT u.N, u.Customer FROM (SELECT Count(*) AS N, Customer FROM Orders GROUP BY Customer) AS u WHERE u.N = 2",
        lambda: [(2, "ANNA"), (2, "CARL")],
    ),
    "Unnamed": (
        "SELECT Code, Len(Code) FROM Customers",
        lambda: _C.select("Code", col("Code").str.len_chars().alias("n")),
    ),
    "Past": (
        "SELECT ID FROM Orders WHERE Placed < Date() AND Placed > Date()-36500",
        lambda: _O.filter(col("Placed").is_not_null())["ID"],
    ),
}


def _counted(rows: Rows | pl.DataFrame | pl.Series) -> Counter[tuple[object, ...]]:
    if isinstance(rows, pl.Series):
        rows = rows.to_frame()
    return Counter(rows.rows() if isinstance(rows, pl.DataFrame) else rows)


def test_views_give_the_rows_that_access_would(database: Target) -> None:
    source = shop({name: sql for name, (sql, _) in QUERIES.items()})
    made = draft(source.catalog())
    assert made.left == ()
    plan = plan_of(source, made.mapping)
    assert migrate(source, plan, database) == ()
    assert findings(source, plan, database) == []
    with connect(database, application_name="t") as connection:
        for query, (_, expected) in QUERIES.items():
            view = made.mapping.view_name(query)
            found = connection.execute(f'select * from "{view}"').fetchall()  # type: ignore[arg-type]
            assert _counted(found) == _counted(expected()), query


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("City = 'rome'", [1, 2]),
        ("City = 'Rome  '", [1, 2]),
        ("'Rome ' <> City", [3, 4, 5]),
        ("City In ('Bonn', 'ROME ')", [1, 2]),
        ("Not City In ('Rome')", [3, 4, 5]),
        ("City & '' = ''", [4, 5, 6]),
        ("City = ''", [4, 5]),
        ("City Like 'Rome'", [1]),
        ("City Like 'Rome '", [2]),
        ("City = ' Rome'", []),
    ],
)
def test_equal_texts_may_differ_in_spaces_at_their_end_as_in_jet(
    where: str, expected: list[int], database: Target
) -> None:
    cities = [(1, "Rome"), (2, "Rome "), (3, "Rome\t"), (4, ""), (5, "  "), (6, None)]
    rows = pl.DataFrame(cities, schema={"ID": pl.Int32, "City": pl.String}, orient="row")
    rows = rows.with_columns(pl.lit(None, pl.String).alias("Full Name"), col("ID").cast(pl.String).alias("Code"))
    source = replace(shop({"q": f"SELECT ID FROM Customers WHERE {where}"}), frames={"Customers": rows, "Orders": _O})
    made = draft(source.catalog())
    assert made.left == ()
    migrate(source, plan_of(source, made.mapping), database)
    with connect(database, application_name="t") as connection:
        assert connection.execute("select id from q order by id").fetchall() == [(number,) for number in expected]


def test_a_name_that_stands_for_its_own_column_is_plain(database: Target) -> None:
    source = shop({"q": "SELECT Orders.Qty AS Qty, [Qty]*2 AS Twice FROM Orders WHERE Orders.ID = 1"})
    migrate(source, plan_of(source, draft(source.catalog()).mapping), database)
    with connect(database, application_name="t") as connection:
        assert connection.execute("select * from q").fetchall() == [(3, 6)]


def test_duplicate_names_are_told_apart_by_their_tables(database: Target) -> None:
    source = shop({"q": QUERIES["Inner"][0], "e": QUERIES["Unnamed"][0]})
    migrate(source, plan_of(source, draft(source.catalog()).mapping), database)
    with connect(database, application_name="t") as connection:
        names = [column.name for column in connection.execute("select * from q").description or ()]
        assert names == ["orders_id", "customers_id", "shout"]
        names = [column.name for column in connection.execute("select * from e").description or ()]
        assert names == ["code", "expr1001"]


@pytest.mark.parametrize(
    ("aggregate", "expected"),
    [
        ("Sum(Weight)", lambda values: sum(values)),
        ("Avg(Weight)", lambda values: sum(values) / len(values)),
        ("StDev(Weight)", lambda values: pl.Series(values).std()),
        ("StDevP(Weight)", lambda values: pl.Series(values).std(ddof=0)),
        ("Var(Weight)", lambda values: pl.Series(values).var()),
        ("VarP(Weight)", lambda values: pl.Series(values).var(ddof=0)),
    ],
)
def test_floating_point_is_gathered_in_double_precision_and_noted(
    aggregate: str, expected: Callable[[list[float]], float], database: Target
) -> None:
    source = shop({"q": f"SELECT {aggregate} AS x FROM Orders"})
    made = draft(source.catalog())
    assert [notice.table for notice in made.notices] == ["q"]
    assert "last digits" in made.notices[0].text
    migrate(source, plan_of(source, made.mapping), database)
    with connect(database, application_name="t") as connection:
        row = connection.execute("select x, pg_typeof(x)::text from q").fetchone()
    assert row is not None
    assert row[1] == "double precision"
    values = _O["Weight"].drop_nulls().cast(pl.Float64).to_list()
    assert math.isclose(row[0], expected(values), rel_tol=1e-12)
