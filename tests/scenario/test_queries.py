"""Saved queries as a user meets them: looked at, edited in the mapping, migrated, verified."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru


@pytest.fixture
def northwind(shared: Path) -> Path:
    return shared / "access" / "reference" / "northwind.accdb"


def test_inspect_shows_each_query_and_the_text_of_those_that_stay(naru: Naru, northwind: Path) -> None:
    said = naru("inspect", northwind)
    assert "query Orders Qry: becomes view orders_qry" in said
    assert "query CustOrderHist: select query is not carried: it asks for CustomerID" in said
    assert "SELECT ProductName, SUM(Quantity) AS Total FROM Products AS P, [Order Details] AS OD" in said
    told = json.loads(naru("inspect", northwind, "--json"))
    assert len(told["catalog"]["queries"]) == 23
    assert len(told["views"]) == 5
    assert sum("is not carried: " in notice["text"] for notice in told["notices"]) == 18


def test_a_query_is_edited_in_the_mapping_and_migrated(naru: Naru, northwind: Path, database: Target) -> None:
    naru("map", northwind, "-o", "n.yaml")
    mapping = naru.directory / "n.yaml"
    text = mapping.read_text("utf-8")
    text = text.replace("  Current Product List:\n", "  Current Product List:\n    skip: true\n")
    text += "  Products Above Average Price:\n    to: dear\n    sql: >-\n      select product_name from products\n"
    text += "      where unit_price > (select avg(unit_price) from products)\n"
    mapping.write_text(text, "utf-8")
    assert 'create view "public"."dear" as' in naru("ddl", northwind, "-m", "n.yaml")
    said = naru("migrate", northwind, "-m", "n.yaml")
    assert "note: 5 of 23 saved queries become views; `inspect` shows the others" in said
    assert "verified: no findings" in said
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select to_regclass('current_product_list') is null").fetchone() == (True,)
        assert connection.execute("select count(*) from dear").fetchone() == (25,)
        connection.execute("drop view dear")
    found = naru("verify", northwind, "-m", "n.yaml", code=1)
    assert "the view is not built" in found
    assert "verified: no findings" in naru("migrate", northwind, "-m", "n.yaml")


def test_sql_of_a_mapping_that_does_more_than_select_is_refused_with_its_line(naru: Naru, northwind: Path) -> None:
    naru("map", northwind, "-o", "n.yaml")
    mapping = naru.directory / "n.yaml"
    lines = mapping.read_text("utf-8").splitlines()
    mapping.write_text("\n".join([*lines, "  Invoices: {to: x, sql: 'select pg_sleep(60)'}"]), "utf-8")
    said = naru("migrate", northwind, "-m", "n.yaml", code=3)
    assert f"n.yaml:{len(lines) + 1}: views.Invoices.sql: 'PG_SLEEP(60)' may not stand in a view" in said
