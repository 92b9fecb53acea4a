"""What a model says, as a catalog."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.catalog import Action, Catalog, ForeignKey, Index, IndexPart, SqlType
from pipeline.errors import DamagedSource, UnsupportedSource
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.bacpac.elements import parse_name
from tests.unit.sources.bacpac.export import (
    Made,
    column_element,
    element,
    export,
    flag,
    inner,
    model,
    name,
    references,
    table_element,
    text_property,
)

TABLE = ("dbo", "T")
ID = Made("id", "int", nullable=False)
X = name(*TABLE, "x")


def catalog(path: Path, *objects: str) -> Catalog:
    with BacpacSource(export(path / "t.bacpac", model(*objects), {})) as source:
        return source.catalog()


def constraint(type: str, called: str, table: tuple[str, str], *content: str) -> str:
    return element(type, name(table[0], called), "".join(content) + references("DefiningTable", name(*table)))


def specified(*columns: str, extra: str = "") -> str:
    parts = [element("SqlIndexedColumnSpecification", None, references("Column", one) + extra) for one in columns]
    return inner("ColumnSpecifications", parts)


def index(called: str, *content: str) -> str:
    return element("SqlIndex", name(*TABLE, called), "".join(content) + references("IndexedObject", name(*TABLE)))


def told(found: Catalog) -> list[tuple[str | None, str | None, str]]:
    return [(notice.table, notice.column, notice.text) for notice in found.notices]


def test_names_with_brackets_dots_and_blanks() -> None:
    assert parse_name("[dbo].[a.b].[c]]d e]") == ("dbo", "a.b", "c]d e")


@pytest.mark.parametrize("text", ["", "dbo.T", "[dbo].", "[dbo][T]", "[dbo].[T", "[dbo].T", "x[dbo]"])
def test_what_is_no_name(text: str) -> None:
    with pytest.raises(ValueError, match="not a name in brackets"):
        parse_name(text)


@pytest.mark.parametrize(
    ("declared", "type"),
    [
        ("decimal", SqlType("decimal", (18, 0))),
        ("decimal(9,3)", SqlType("decimal", (9, 3))),
        ("time", SqlType("time", (7,))),
        ("datetime2(3)", SqlType("datetime2", (3,))),
        ("char", SqlType("char", (1,))),
        ("varchar(max)", SqlType("varchar")),
        ("timestamp", SqlType("rowversion")),
        ("[sys].[sysname]", SqlType("nvarchar", (128,))),
        ("[sys].[geography]", SqlType("geography")),
        ("[app].[Point]", SqlType("app.Point")),
    ],
)
def test_types(tmp_path: Path, declared: str, type: SqlType) -> None:
    found = catalog(tmp_path, table_element(TABLE, [Made("v", declared)]))
    assert found.table("T").column("v").type == type


def test_an_alias_is_the_type_that_it_stands_for(tmp_path: Path) -> None:
    alias = element(
        "SqlUserDefinedDataType", name("dbo", "Phone"), flag("Length", 25) + references("Type", '"[nvarchar]"')
    )
    found = catalog(tmp_path, table_element(TABLE, [Made("v", "[dbo].[Phone]")]), alias)
    assert found.table("T").column("v").type == SqlType("nvarchar", (25,))


def test_keys_indexes_and_their_order(tmp_path: Path) -> None:
    a, b = name(*TABLE, "a"), name(*TABLE, "b")
    downwards = flag("IsAscending", False)
    found = catalog(
        tmp_path,
        table_element(TABLE, [Made("a", "int", nullable=False), Made("b", "int")]),
        constraint("SqlPrimaryKeyConstraint", "PK", TABLE, specified(a)),
        constraint("SqlUniqueConstraint", "AK", TABLE, specified(b, a)),
        index("IX", flag("IsUnique", True), specified(b, extra=downwards)),
        index("Included", specified(b), references("IncludedColumns", a)),
        index("Filtered", text_property("FilterPredicate", "[b] IS NOT NULL"), flag("IsUnique", True), specified(b)),
        index("Off", flag("IsDisabled", True), specified(b)),
    )
    assert found.table("T").indexes == (
        Index("PK", (IndexPart("a"),), unique=True, primary=True),
        Index("AK", (IndexPart("b"), IndexPart("a")), unique=True),
        Index("IX", (IndexPart("b", descending=True),), unique=True),
        Index("Included", (IndexPart("b"),), included=("a",)),
        Index("Filtered", (IndexPart("b"),), unique=True, predicate="[b] IS NOT NULL"),
    )
    assert told(found) == [
        ("T", None, "index Off is left out: the source has it disabled"),
    ]


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("SqlColumnStoreIndex", "columnstore"),
        ("SqlXmlIndex", "XML"),
        ("SqlSpatialIndex", "spatial"),
        ("SqlVectorIndex", "Vector"),
    ],
)
def test_an_index_of_another_kind_is_told_of_with_its_table(tmp_path: Path, type: str, kind: str) -> None:
    content = specified(name(*TABLE, "id")) + references("IndexedObject", name(*TABLE))
    found = catalog(tmp_path, table_element(TABLE, [ID]), element(type, name(*TABLE, "CS"), content))
    assert found.table("T").indexes == ()
    assert told(found) == [("T", None, f"index CS is left out: {kind} indexes are not carried")]


def test_an_index_without_a_name_and_one_of_a_view_are_told_of(tmp_path: Path) -> None:
    on_view = references("IndexedObject", name("dbo", "V"))
    found = catalog(
        tmp_path,
        table_element(TABLE, [ID]),
        element("SqlFullTextIndex", None, references("IndexedObject", name(*TABLE))),
        element("SqlFullTextIndex", None, on_view),
        element("SqlIndex", name("dbo", "V", "IX"), on_view),
    )
    assert told(found) == [
        ("T", None, "index FullTextIndex is left out: full-text indexes are not carried"),
        (None, None, "not carried, by kind of object: 2 Index of a view"),
    ]


@pytest.mark.parametrize(
    ("type", "kind"), [("SqlPrimaryKeyConstraint", "primary key"), ("SqlUniqueConstraint", "unique key")]
)
def test_a_disabled_key_is_left_out(tmp_path: Path, type: str, kind: str) -> None:
    """Its rows may break it: SQL Server does not look."""
    off = constraint(type, "K", TABLE, flag("IsDisabled", True), specified(name(*TABLE, "id")))
    found = catalog(tmp_path, table_element(TABLE, [ID]), off)
    assert found.table("T").indexes == ()
    assert told(found) == [("T", None, f"{kind} K is left out: the source has it disabled")]


def test_what_a_model_says_of_a_constraint_in_words_that_are_not_known_is_told(tmp_path: Path) -> None:
    """A real file has never shown how it says that a constraint is disabled: no other spelling may go unseen."""
    id = name(*TABLE, "id")
    found = catalog(
        tmp_path,
        table_element(TABLE, [ID]),
        constraint("SqlPrimaryKeyConstraint", "PK", TABLE, flag("IsClustered", False), specified(id)),
        index("IX", flag("IsIgnoreDuplicateKeys", True), specified(id, extra=flag("Order", "down"))),
        constraint(
            "SqlCheckConstraint", "C", TABLE, text_property("CheckExpressionScript", "[id]>(0)"), flag("Off", True)
        ),
    )
    assert told(found) == [
        ("T", None, "index IX: the model says IsIgnoreDuplicateKeys True of it, which is not known and not carried"),
        ("T", None, "index IX: the model says Order down of it, which is not known and not carried"),
        ("T", None, "check C: the model says Off True of it, which is not known and not carried"),
    ]


def test_foreign_keys(tmp_path: Path) -> None:
    child, parent = ("sales", "Line"), ("dbo", "Order")
    ends = (
        references("Columns", name(*child, "x"), name(*child, "y")),
        references("ForeignColumns", name(*parent, "a"), name(*parent, "b")),
        references("ForeignTable", name(*parent)),
    )
    found = catalog(
        tmp_path,
        table_element(child, [Made("x", "int"), Made("y", "int")]),
        table_element(parent, [Made("a", "int"), Made("b", "int")]),
        constraint("SqlForeignKeyConstraint", "F1", child, flag("OnDeleteAction", 1), flag("OnUpdateAction", 2), *ends),
        constraint("SqlForeignKeyConstraint", "F2", child, flag("IsDisabled", True), *ends),
        constraint("SqlForeignKeyConstraint", "F3", child, flag("OnDeleteAction", 3), *ends),
    )
    columns = ("x", "y"), "Order", ("a", "b")
    assert found.table("sales.Line").foreign_keys == (
        ForeignKey("F1", *columns, on_update=Action.SET_NULL, on_delete=Action.CASCADE),
        ForeignKey("F2", *columns, enforced=False),
        ForeignKey("F3", *columns),
    )
    assert told(found) == [
        ("sales.Line", None, "relationship F3: OnDeleteAction 3 is not carried: nothing is done then")
    ]


def test_defaults_checks_identities_computed_columns_and_comments(tmp_path: Path) -> None:
    a, b = name(*TABLE, "a"), name(*TABLE, "b")
    double = element("SqlComputedColumn", name(*TABLE, "d"), text_property("ExpressionScript", "([a]*(2))"))
    described = [
        element(
            "SqlExtendedProperty",
            name(kind, *host, "MS_Description"),
            text_property("Value", text) + references("Host", name(*host)),
        )
        for kind, host, text in (("SqlTableBase", TABLE, "N'It''s a table'"), ("SqlColumn", (*TABLE, "a"), "'열'"))
    ]
    dependent = references("CheckExpressionDependencies", a)
    found = catalog(
        tmp_path,
        table_element(
            TABLE,
            [
                Made("a", "int", nullable=False, extra=flag("IsIdentity", True) + flag("IdentityIncrement", 5)),
                Made("b", "nvarchar(5)", extra=flag("Collation", "Korean_Wansung_CI_AS")),
            ],
            double,
        ),
        constraint(
            "SqlDefaultConstraint",
            "D",
            TABLE,
            text_property("DefaultExpressionScript", "(N'x')"),
            references("ForColumn", b),
        ),
        constraint("SqlCheckConstraint", "C1", TABLE, text_property("CheckExpressionScript", "[a]>(0)"), dependent),
        constraint(
            "SqlCheckConstraint",
            "C2",
            TABLE,
            text_property("CheckExpressionScript", "[a]<(9)"),
            flag("IsDisabled", True),
        ),
        *described,
        element("SqlProcedure", name("dbo", "P"), ""),
        element("SqlProcedure", name("dbo", "Q"), ""),
        element("SqlView", name("dbo", "V"), text_property("QueryScript", "\nSELECT 1 AS one")),
    )
    table = found.table("T")
    assert table.comment == "It's a table"
    assert table.column("a").comment == "열"
    assert table.column("a").identity is not None
    assert not table.column("a").nullable
    assert (table.column("b").default, table.column("b").nullable) == ("(N'x')", True)
    assert (table.column("a").collation, table.column("b").collation) == (None, "Korean_Wansung_CI_AS")
    assert (table.column("d").calculated, table.column("d").stored) == ("([a]*(2))", False)
    assert [(check.name, check.expression, check.columns) for check in table.checks] == [("C1", "[a]>(0)", ("a",))]
    assert [(query.name, query.sql) for query in found.queries] == [("V", "SELECT 1 AS one")]
    assert found.facts["collation"] == "Latin1_General_CI_AS"
    assert told(found) == [
        ("T", "a", "the source counts it by 5; new numbers count on by 1"),
        ("T", "b", "its collation is Korean_Wansung_CI_AS, which is not the database's"),
        ("T", None, "check C2 is left out, as the source has it disabled: [a]<(9)"),
        (None, None, "not carried, by kind of object: 2 Procedure"),
    ]


def test_the_values_of_a_computed_column_are_not_in_the_rows(tmp_path: Path) -> None:
    double = element("SqlComputedColumn", name(*TABLE, "d"), text_property("ExpressionScript", "([id]*(2))"))
    path = export(
        tmp_path / "t.bacpac", model(table_element(TABLE, [ID], double)), {"dbo.T/TableData-000-00000": b"\1\0\0\0"}
    )
    with BacpacSource(path) as source:
        (batch,) = source.batches("T", batch_rows=5)
    assert batch.frame.to_dicts() == [{"id": 1}]


@pytest.mark.parametrize(
    ("objects", "reason"),
    [
        ([table_element(TABLE, [ID]), table_element(TABLE, [ID])], "2 tables that are called 'T'"),
        ([table_element(TABLE, [ID, ID])], "2 columns that are called 'id'"),
        ([table_element(("dbo", "a.b"), [ID]), table_element(("a", "b"), [ID])], "2 tables that are called 'a.b'"),
        ([table_element(("x.y", "z"), [ID]), table_element(("x", "y.z"), [ID])], "2 tables that are called 'x.y.z'"),
        ([element("SqlTable", name("T"), "")], "no schema and name"),
        ([table_element(TABLE, [ID]).replace("[dbo].[T].[id]", "[id]")], "table dbo.T has a column that is called id"),
        (
            [table_element(TABLE, [ID]).replace(f" Name={name(*TABLE, 'id')}", "")],
            "a column that is called without",
        ),
        ([element("SqlView", "", text_property("QueryScript", "SELECT 1"))], "is called nothing, which is no"),
        (
            [element("SqlDefaultConstraint", None, inner("ForColumn", ["<References/>"]))],
            "without a name as For",
        ),
        ([table_element(TABLE, [ID] * 30_001)], "30,001 columns, and SQL Server takes 30,000"),
        ([table_element(TABLE, [Made("v", "decimal(39,0)")])], "Precision '39' of a type lies outside"),
        ([table_element(TABLE, [Made("v", "decimal(5,6)")])], "Scale '6' of a type lies outside 0 to 5"),
        ([table_element(TABLE, [Made("v", "time(8)")])], "Scale '8' of a type lies outside"),
        ([table_element(TABLE, [Made("v", "char(9999)")])], "Length '9999' of a type lies outside"),
        ([table_element(TABLE, [Made("v", "char(²)")])], "of a type lies outside"),
        (
            [table_element(TABLE, [ID]), index("IX", specified(name(*TABLE, "id")), references("IncludedColumns", X))],
            "IX of table T names a column 'x', which the table does not have",
        ),
        (
            [table_element(TABLE, [ID]), constraint("SqlPrimaryKeyConstraint", "PK", TABLE, specified(X))],
            "PK of table T names a column 'x'",
        ),
        (
            [
                table_element(TABLE, [ID]),
                constraint("SqlPrimaryKeyConstraint", "PK", TABLE, specified(name("dbo", "Other", "id"))),
            ],
            "dbo.Other.id stands where a column of dbo.T is meant",
        ),
        ([table_element(("", "T"), [ID])], "which is no schema and name"),
        ([table_element(TABLE, [Made("", "int")])], "table dbo.T has a column that is called"),
        ([constraint("SqlPrimaryKeyConstraint", "PK", TABLE), table_element(TABLE, [ID])], "PK has no columns"),
        ([element("SqlDefaultConstraint", name("dbo", "D"), "")], "0 references as ForColumn"),
    ],
)
def test_a_model_that_contradicts_itself(tmp_path: Path, objects: list[str], reason: str) -> None:
    with pytest.raises(DamagedSource, match=f"model.xml: .*{reason}"):
        catalog(tmp_path, *objects)


def test_a_constraint_of_what_is_not_here_is_told(tmp_path: Path) -> None:
    found = catalog(
        tmp_path,
        table_element(TABLE, [ID]),
        constraint("SqlPrimaryKeyConstraint", "PK", ("DBO", "T"), specified(name(*TABLE, "id"))),
        element(
            "SqlDefaultConstraint",
            name("dbo", "D"),
            text_property("DefaultExpressionScript", "((0))") + references("ForColumn", name(*TABLE, "gone")),
        ),
    )
    assert found.table("T").primary_key == ()
    assert told(found) == [
        (None, None, "DefaultConstraint D is not carried: it is of dbo.T.gone, which the model has not"),
        (None, None, "PrimaryKeyConstraint PK is not carried: it is of DBO.T, which the model has not"),
    ]


def test_a_column_of_an_unknown_kind_leaves_the_other_tables_readable(tmp_path: Path) -> None:
    odd = table_element(("dbo", "Odd"), [ID], element("SqlOddColumn", name("dbo", "Odd", "a"), ""))
    path = export(
        tmp_path / "t.bacpac", model(odd, table_element(TABLE, [ID])), {"dbo.T/TableData-000-00000": b"\0" * 4}
    )
    with BacpacSource(path) as source:
        assert source.catalog().table("Odd").column("a").type == SqlType("SqlOddColumn")
        assert source.count("T") == 1
        with pytest.raises(UnsupportedSource, match=r"column 'a': how a \.bacpac holds SqlOddColumn is not known"):
            source.batches("Odd", batch_rows=1, columns=("id",))


def test_a_column_element_is_what_the_writer_says() -> None:
    """The writer above is trusted by every test here: its one column, as SQL Server's own export has it."""
    assert column_element(TABLE, Made("v", "decimal(8,2)", nullable=False)) == (
        '<Element Type="SqlSimpleColumn" Name="[dbo].[T].[v]"><Property Name="IsNullable" Value="False" />'
        '<Relationship Name="TypeSpecifier"><Entry><Element Type="SqlTypeSpecifier">'
        '<Property Name="Precision" Value="8" /><Property Name="Scale" Value="2" />'
        '<Relationship Name="Type"><Entry><References Name="[decimal]" /></Entry></Relationship>'
        "</Element></Entry></Relationship></Element>"
    )
