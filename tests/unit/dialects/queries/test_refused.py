"""Queries that stay with Access, each with the reason that the user reads."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline.catalog import Catalog, Column, Query, QueryKind, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.queries.views import draft_views
from tests.unit.dialects.queries.shop import catalog


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        ("SELECT DISTINCT City FROM Customers", "DISTINCT takes texts that differ in case alone for one, as with City"),
        ("SELECT DISTINCT UCase(City) FROM Customers", "capitals depends on Windows"),
        ("SELECT DISTINCT City & '!' AS c FROM Customers", "DISTINCT takes texts that differ in case alone for one"),
        ("SELECT City FROM Customers GROUP BY City", "GROUP BY takes texts"),
        ("SELECT City FROM Customers UNION SELECT City FROM Orders", "UNION takes texts"),
        ("SELECT c.ID FROM Customers AS c INNER JOIN Orders AS o ON c.City = o.City", "depends on the file's sort"),
        ("SELECT Min(City) FROM Customers", r"min\(\) of text differs"),
        ("SELECT TOP 5 ID FROM Customers ORDER BY City", "order that PostgreSQL does not have"),
        ("SELECT TOP 5 ID FROM Customers", "order that PostgreSQL does not have"),
        ("SELECT TOP 5 PERCENT ID FROM Customers ORDER BY ID", "TOP of a percentage"),
        ("SELECT TOP 0 ID FROM Customers ORDER BY ID", "TOP 0"),
        ("SELECT First(City) FROM Customers", "First depends on the order"),
        ("SELECT ID FROM Customers ORDER BY 1", "place of a column"),
        ("SELECT ID FROM Customers WHERE ID = [Which one?]", "no column 'Which one\\?', so Access asks for it"),
        ("SELECT ID FROM Customers WHERE ID = [Forms]![Main]![ID]", "of a form or report"),
        ("SELECT ID FROM Orders WHERE ID = (SELECT 1 FROM Orders)", "another query within an expression"),
        ("SELECT ID FROM Orders, Customers", "several of its tables have a column 'ID'"),
        ("SELECT ID AS Qty, [Qty]*2 AS Twice FROM Orders", "'Qty' is a column of its tables and the name of another"),
        ("SELECT ID AS Qty, Qty AS Other FROM Orders", "'Qty' is a column of its tables and the name of another"),
        ("SELECT ID FROM Customers WHERE City Like 'B%'", "whether % is a wildcard"),
        ("SELECT ID FROM Customers WHERE City Like 'B_n*'", "whether _ is a wildcard"),
        ("SELECT ID FROM Gone", "reads 'Gone', which is not carried"),
        ("SELECT Gone.* FROM Orders", "no table 'Gone'"),
        ("SELECT ID FROM Orders AS a, Orders AS A", "two of its tables are named 'a'"),
        ("SELECT 1 AS [a b], 2 AS a_b FROM Orders", "two of its columns are named 'a_b'"),
        ("SELECT a AS b, b AS a FROM Orders", "no column"),
        ("SELECT DISTINCTROW c.ID FROM Customers AS c, Orders AS o", "DISTINCTROW"),
        ("SELECT ID FROM Orders UNION ALL SELECT ID FROM Orders UNION SELECT ID FROM Orders", "mixes UNION"),
        ("SELECT ID FROM Orders UNION ALL SELECT ID, Qty FROM Orders", "differ in their number of columns"),
        ("SELECT ID FROM Orders UNION ALL SELECT City FROM Orders", "differ in the kind of ID"),
        ("SELECT ID FROM Orders UNION ALL SELECT ID FROM Orders ORDER BY Qty", "sorted by what is none"),
        ("SELECT Nope(ID) FROM Orders", r"nope\(\) is not known"),
        ("SELECT ID FROM Orders WHERE Qty", "takes a whole number for a yes or no"),
        ("SELECT ID FROM (SELECT ID FROM Orders)", "no name"),
        ("SELECT ID FROM Orders; DROP TABLE Orders", "DROP is not expected"),
        ("SELECT ID INTO x FROM Orders", "INTO is not expected"),
        ("DELETE FROM Orders", "DELETE is not expected"),
        ("SELECT ID FROM Orders WHERE a = @p", "not understood"),
        ("", "the end is not expected"),
        ("SELECT " + "(" * 10_000 + "1" + ")" * 10_000 + " FROM Orders", "more than 20000 words"),
        ("SELECT " + "(" * 5_000 + "1" + ")" * 5_000 + " FROM Orders", "nests deeper"),
        ("SELECT ID FROM " + "(" * 10_000 + "Orders", "nests deeper"),
        ("SELECT ID FROM " + "(SELECT ID FROM " * 1_000 + "Orders", "nests deeper"),
        ("SELECT ID FROM Orders" + " UNION ALL SELECT ID FROM Orders" * 1_000, "more than 50 selects"),
        ("SELECT 1 FROM Orders" + ", Orders" * 1_000, "more than 32 tables"),
        ("SELECT ID FROM Orders WHERE " + "Not " * 5_000 + "Done", "nests deeper"),
        ("SELECT ID FROM Orders WHERE Done" + " And Done" * 5_000, "more than 300 words"),
        (
            "SELECT " + ", ".join(f"c{n + 1} & c{n + 1} AS c{n}" for n in range(40)) + " FROM Orders",
            "no column|too long",
        ),
        ("SELECT ID" + " " * 70_000 + "FROM Orders", "longer than 64000"),
    ],
)
def test_what_does_not_give_the_same_rows_stays_with_its_reason(sql: str, reason: str) -> None:
    made = draft(catalog({"q": sql}))
    assert made.mapping.views == {}
    assert len(made.left) == 1
    assert made.left[0].table == "q"
    assert re.search(reason, made.left[0].text)


@pytest.mark.parametrize("kind", [k for k in QueryKind if k not in (QueryKind.SELECT, QueryKind.UNION)])
def test_what_is_no_select_is_named_by_its_kind(kind: QueryKind) -> None:
    saved = Query("q", kind, "", reason="it is of a kind that is not known" if kind is QueryKind.UNKNOWN else None)
    made = draft(replace(catalog({}), queries=(saved,)))
    assert made.left[0].text.startswith(f"{kind.value} query is not carried: ")


def test_parameters_are_listed() -> None:
    saved = Query("q", QueryKind.SELECT, "SELECT ID FROM Orders WHERE ID = [n]", parameters=("n", "m"))
    assert draft(replace(catalog({}), queries=(saved,))).left[0].text.endswith("it asks for n, m")


def test_queries_in_a_circle_are_left_and_the_others_are_not() -> None:
    queries = {"a": "SELECT ID FROM b", "b": "SELECT ID FROM c", "c": "SELECT ID FROM a", "d": "SELECT ID FROM b",
               "e": "SELECT ID FROM Orders", "f": "SELECT ID FROM E", "g": "SELECT ID FROM g"}  # fmt: skip
    made = draft(catalog(queries))
    assert {*made.mapping.views} == {"e", "f"}
    assert {notice.table for notice in made.left} == {"a", "b", "c", "d", "g"}
    assert all("reads itself by way of other queries" in notice.text for notice in made.left)


def test_a_long_chain_of_queries_is_followed() -> None:
    queries = {f"q{n}": f"SELECT ID FROM q{n + 1}" for n in range(1000)} | {"q1000": "SELECT ID FROM Orders"}
    assert len(draft(catalog(queries)).mapping.views) == 1001


def test_a_query_named_as_a_relation_of_the_target_is_left() -> None:
    made = draft(catalog({"orders PKEY": "SELECT ID FROM Customers"}))
    assert "the target has another 'orders_pkey' already" in made.left[0].text


@pytest.mark.parametrize(
    "sql", ["SELECT Docs FROM Files", "SELECT * FROM Files", "SELECT ID FROM Files WHERE Docs = 1"]
)
def test_a_number_does_not_pass_for_the_files_that_access_shows(sql: str) -> None:
    files = Table("Files", (Column("ID", SqlType("Long")), Column("Docs", SqlType("Complex"))))
    made = draft(Catalog((files,), queries=(Query("q", QueryKind.SELECT, sql),)))
    assert "Docs holds files, several values or a history" in made.left[0].text


def test_names_that_the_source_gives_twice_stand_for_nothing() -> None:
    saved = tuple(Query(name, QueryKind.SELECT, "SELECT ID FROM Customers") for name in ("q", "Q", "orders", "sound"))
    made = draft(replace(catalog({}), queries=(*saved, Query("over", QueryKind.SELECT, "SELECT ID FROM q"))))
    assert {*made.mapping.views} == {"sound"}
    reasons = {notice.table: notice.text for notice in made.left}
    assert {*reasons} == {"q", "Q", "orders", "over"}
    assert all("another query or table has its name" in reasons[name] for name in ("q", "Q", "orders"))


@pytest.mark.parametrize("name", ["\ud800", "a\0b", "   "])
def test_a_name_that_postgresql_cannot_hold_is_left(name: str) -> None:
    made = draft(catalog({name: "SELECT ID FROM Customers"}), naming="keep")
    assert made.mapping.views == {}
    assert len(made.left) == 1


def test_a_relationship_whose_orphans_stay_fixes_no_spelling() -> None:
    source = catalog({"q": "SELECT o.ID FROM Orders AS o INNER JOIN Customers AS c ON o.Customer = c.Code"})
    mapping = draft(source).mapping
    assert {*draft_views(source, mapping, ()).views} == {"q"}
    orders = mapping.tables["Orders"]
    loose = orders.model_copy(
        update={"foreign_keys": tuple(key.model_copy(update={"not_valid": True}) for key in orders.foreign_keys)}
    )
    left = draft_views(source, mapping.model_copy(update={"tables": {**mapping.tables, "Orders": loose}}), ()).left
    assert "depends on the file's sort order" in left[0].text
