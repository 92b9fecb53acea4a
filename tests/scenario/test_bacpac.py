"""A .bacpac on the command line: looked at, mapped, migrated, verified, and refused where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru
from tests.unit.sources.bacpac.export import (
    Made,
    element,
    export,
    flag,
    inner,
    model,
    name,
    references,
    rows,
    table_element,
    text_property,
)

ORDERS, LINES = ("dbo", "Orders"), ("sales", "Order Lines")
ORDER_COLUMNS = [Made("OrderID", "int", nullable=False), Made("Customer", "nvarchar(20)")]
LINE_COLUMNS = [Made("OrderID", "int", nullable=False), Made("Quantity", "smallint"), Made("Price", "int")]


def key(table: tuple[str, str], called: str, column: str) -> str:
    part = element("SqlIndexedColumnSpecification", None, references("Column", name(*table, column)))
    content = inner("ColumnSpecifications", [part]) + references("DefiningTable", name(*table))
    return element("SqlPrimaryKeyConstraint", name(table[0], called), content)


@pytest.fixture
def bacpac(tmp_path: Path) -> Path:
    due = element("SqlComputedColumn", name(*LINES, "Due"), text_property("ExpressionScript", "([Quantity]*[Price])"))
    foreign = element(
        "SqlForeignKeyConstraint",
        name("sales", "FK"),
        references("Columns", name(*LINES, "OrderID"))
        + references("DefiningTable", name(*LINES))
        + references("ForeignColumns", name(*ORDERS, "OrderID"))
        + references("ForeignTable", name(*ORDERS)),
    )
    check = element(
        "SqlCheckConstraint",
        name("sales", "CK"),
        text_property("CheckExpressionScript", "[Quantity]>(0)")
        + references("CheckExpressionDependencies", name(*LINES, "Quantity"))
        + references("DefiningTable", name(*LINES)),
    )
    part = element("SqlIndexedColumnSpecification", None, references("Column", name(*LINES, "OrderID")))
    index = element(
        "SqlIndex",
        name(*LINES, "IX"),
        text_property("FilterPredicate", "([Price] IS NULL)")
        + flag("IsUnique", True)
        + inner("ColumnSpecifications", [part])
        + references("IncludedColumns", name(*LINES, "Quantity"))
        + references("IndexedObject", name(*LINES)),
    )
    text = model(
        table_element(ORDERS, ORDER_COLUMNS),
        key(ORDERS, "PK", "OrderID"),
        table_element(LINES, LINE_COLUMNS, due),
        foreign,
        check,
        index,
    )
    data = {
        "dbo.Orders/TableData-000-00000": rows(ORDER_COLUMNS, [(1, "나루"), (2, None)]),
        "sales.Order%20Lines/TableData-000-00000": rows(LINE_COLUMNS, [(1, 2, 50)]),
        "sales.Order%20Lines/TableData-001-00000": rows(LINE_COLUMNS, [(2, 3, None)]),
    }
    return export(tmp_path / "shop.BACPAC", text, data)


def test_it_is_migrated_with_its_keys_indexes_and_checks(naru: Naru, bacpac: Path, database: Target) -> None:
    said = naru("inspect", bacpac)
    assert "sales.Order Lines" in said
    assert "unique index IX (OrderID) with Quantity where ([Price] IS NULL)" in said
    assert "verified: no findings" in naru("migrate", bacpac)
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select order_id, customer from orders order by 1").fetchall() == [
            (1, "나루"),
            (2, None),
        ]
        assert connection.execute("select * from sales_order_lines order by 1").fetchall() == [(1, 2, 50), (2, 3, None)]
        held = connection.execute("select contype from pg_constraint where conrelid <> 0 order by 1").fetchall()
        assert {kind for (kind,) in held} >= {"c", "f", "p"}
        index = connection.execute("select indexdef from pg_indexes where indexname like '%_idx'").fetchall()
        on = "ON public.sales_order_lines USING btree (order_id) INCLUDE (quantity) WHERE (price IS NULL)"
        assert index == [(f"CREATE UNIQUE INDEX sales_order_lines_order_id_idx {on}",)]
    assert "no findings" in naru("verify", bacpac)


def test_a_mapping_lets_postgresql_compute_what_the_file_does_not_hold(
    naru: Naru, bacpac: Path, database: Target, tmp_path: Path
) -> None:
    mapping = tmp_path / "mapping.yaml"
    naru("map", bacpac, "-o", mapping)
    text = mapping.read_text("utf-8")
    assert "computed as ([Quantity]*[Price])" in text
    before, found, after = text.partition("Due:")
    assert found
    line, _, rest = after.partition("\n")
    assert "skip: true" in line
    mapping.write_text(f"{before}Due: {{type: bigint, generated: quantity * price}}\n{rest}", "utf-8")
    assert "verified: no findings" in naru("migrate", bacpac, "--mapping", mapping)
    with connect(database, application_name="t", autocommit=True) as connection:
        assert connection.execute("select due from sales_order_lines order by 1").fetchall() == [(100,), (None,)]


@pytest.mark.parametrize("flag", [("--salvage",), ("--code-page", "949")])
def test_what_is_for_access_files_is_refused(naru: Naru, bacpac: Path, flag: tuple[str, ...]) -> None:
    assert "--salvage and --code-page are for Access files" in naru("map", bacpac, *flag, code=2)


def test_the_other_reader_reads_no_bacpac(naru: Naru, bacpac: Path) -> None:
    assert "--cross-check reads one Access file alone" in naru("inspect", bacpac, "--cross-check", code=2)


def test_a_damaged_file_is_a_source_that_cannot_be_read(naru: Naru, bacpac: Path) -> None:
    bacpac.write_bytes(bacpac.read_bytes()[:-40])
    assert "is no .bacpac" in naru("migrate", bacpac, code=4)


def test_values_that_no_real_file_has_shown_are_refused_before_or_by_row(
    naru: Naru, database: Target, tmp_path: Path
) -> None:
    columns = [Made("id", "int", nullable=False), Made("node", "hierarchyid"), Made("at", "datetimeoffset(7)")]
    noon = (12 * 3600 * 10**7).to_bytes(5, "little") + (738_000).to_bytes(3, "little")
    values = [(1, b"\x5a\xc0", noon + b"\0\0"), (2, b"\x58", noon + (540).to_bytes(2, "little"))]
    variant = [*columns, Made("any", "sql_variant")]
    for called, made in (("plain", columns), ("variant", variant)):
        data = rows(made, [(*row, b"")[: len(made)] for row in values])
        text = model(table_element(("dbo", "T"), made), key(("dbo", "T"), "PK", "id"))
        export(tmp_path / f"{called}.bacpac", text, {"dbo.T/TableData-000-00000": data})
    naru("map", tmp_path / "variant.bacpac", "-o", tmp_path / "variant.yaml")
    assert "sql_variant is not read yet: give `skip: true`" in (tmp_path / "variant.yaml").read_text("utf-8")
    assert "sql_variant" in naru("migrate", tmp_path / "variant.bacpac", code=3)
    assert "no real file shows whether its time is UTC" in naru("migrate", tmp_path / "plain.bacpac", code=1)
    with connect(database, application_name="t", autocommit=True) as connection:
        found = connection.execute("select id, node, at::text from t").fetchall()
    assert found == [(1, "/1/1/", "2021-07-30 12:00:00+00")]
