"""Indexes of SQL Server in a draft: with their columns and conditions, or the reason why not."""

from __future__ import annotations

import pytest

from pipeline.catalog import Catalog, Column, ForeignKey, Index, IndexPart, SqlType, Table
from pipeline.dialects.draft import Draft, draft
from pipeline.dialects.mssql import MSSQL
from pipeline.mapping.models import IndexMapping, Unique
from pipeline.mapping.target import target_catalog
from pipeline.postgres import ddl
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.sql import SQL, relation

_COLUMNS = {
    "Id": "int", "Item No": "int", "Code": "nvarchar(20)", "Deleted": "bit", "Due": "datetime", "Note": "nvarchar",
    "Long": "nvarchar(900)", "Raw": "varbinary(8)", "Twice": "computed",
}  # fmt: skip


def _drafted(*indexes: Index, foreign_keys: tuple[ForeignKey, ...] = ()) -> Draft:
    columns = tuple(
        Column(name, SqlType.parse(type), nullable=name not in ("Id", "Item No"), stored=type != "computed")
        for name, type in _COLUMNS.items()
    )
    return draft(Catalog((Table("T", columns, "dbo", indexes, foreign_keys),)), dialect=MSSQL)


def _index(*columns: str, unique: bool = False, included: tuple[str, ...] = (), where: str | None = None) -> Index:
    return Index("IX", tuple(map(IndexPart, columns)), unique=unique, included=included, predicate=where)


def _told(made: Draft) -> list[tuple[str | None, str]]:
    return [(notice.column, notice.text) for notice in made.notices if "IX" in notice.text]


@pytest.mark.parametrize(
    ("predicate", "where"),
    [
        ("([Deleted]=(0))", '"deleted" = FALSE'),
        ("([Code] IS NOT NULL)", 'NOT ("code" IS NULL)'),
        ("([Item No]>=(5) AND [Item No]<(9))", '("item_no" >= 5) AND ("item_no" < 9)'),
        ("([Code]=N'A ')", 'RTRIM(LOWER("code" COLLATE "C")) = \'a\''),
        ("([Id] IN ((1),(2)))", '("id" = 1) OR ("id" = 2)'),
        ("([Due]>='20200101')", "\"due\" >= CAST('2020-01-01' AS TIMESTAMP)"),
    ],
)
def test_a_condition_is_translated_as_a_check_is(predicate: str, where: str) -> None:
    made = _drafted(_index("Item No", unique=True, where=predicate))
    (index,) = made.mapping.tables["T"].indexes
    assert (index.columns, index.unique) == (("Item No",), True)
    assert index.where == where
    assert made.mapping.tables["T"].unique == ()
    assert _told(made) == []


@pytest.mark.parametrize("predicate", ["([Code]>N'M')", "([Twice]>(5))", "([No]=(1))", "(", "([Due]<getdate())"])
def test_an_index_is_never_drafted_without_its_condition(predicate: str) -> None:
    made = _drafted(_index("Item No", unique=True, where=predicate))
    assert made.mapping.tables["T"].indexes == ()
    ((column, text),) = _told(made)
    assert column is None
    assert text.startswith(f"unique index IX is left out: it holds only rows with {predicate} (")


def test_included_columns_are_carried_where_they_fit_an_index_row() -> None:
    included = ("Code", "Note", "Long", "Raw", "Twice", "Due")
    made = _drafted(_index("Item No", included=included))
    assert made.mapping.tables["T"].indexes == (
        IndexMapping(name="t_item_no_idx", columns=("Item No",), include=("Code", "Due")),
    )
    long = "it may be too long for PostgreSQL's index, whose rows end at a third of a page"
    assert _told(made) == [
        ("Note", f"index IX includes it and is carried without: {long}"),
        ("Long", f"index IX includes it and is carried without: {long}"),
        ("Raw", f"index IX includes it and is carried without: {long}"),
        ("Twice", "index IX includes it and is carried without: it is not carried"),
    ]


def test_an_index_has_no_more_columns_than_postgresql_takes(database: Target) -> None:
    names = [f"c{i}" for i in range(40)]
    source = Catalog((Table("T", tuple(Column(name, SqlType("nvarchar", (24,))) for name in names), "dbo",
                            (_index(names[0], included=tuple(names[1:])),)),))  # fmt: skip
    made = draft(source, dialect=MSSQL)
    assert [notice.column for notice in made.notices] == names[32:]
    (table,) = target_catalog(made.mapping, source).tables
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(ddl.create_bare(table))
        connection.execute(SQL("insert into {} select {}").format(relation(table), SQL(", ").join(
            SQL("(select string_agg(chr(44032 + (random() * 11000)::int), '') from generate_series(1, 24 + 0 * {}))")
            .format(i) for i in range(40))))  # fmt: skip
        for statement in ddl.dress(table):
            connection.execute(statement)


def test_an_index_that_says_more_than_a_key_stays_beside_it() -> None:
    made = _drafted(
        _index("Item No", unique=True),
        _index("Item No", included=("Due",)),
        _index("Item No", included=("Due",)),
        _index("Item No", where="([Due] IS NULL)"),
        _index("Item No"),
    )
    table = made.mapping.tables["T"]
    assert table.unique == (Unique(name="t_item_no_key", columns=("Item No",)),)
    assert [(index.include, index.where) for index in table.indexes] == [(("Due",), None), ((), '"due" IS NULL')]


def test_a_unique_index_that_takes_one_null_is_told_of() -> None:
    """Nothing is lost by it: PostgreSQL takes more, and the rows of the source all the same."""
    made = _drafted(_index("Code", "Id", unique=True))
    assert made.mapping.tables["T"].unique[0].columns == ("Code", "Id")
    told = "unique index IX takes NULL in Code for one value in SQL Server, and for another each time in PostgreSQL"
    assert _told(made) == [(None, told)]
    assert _told(_drafted(_index("Code", unique=True, where="([Deleted]=(0))"))) == [(None, told)]
    assert _told(_drafted(_index("Code", unique=True, where="([Code] IS NOT NULL)"))) == []
    assert _told(_drafted(_index("Item No", unique=True), _index("Code"))) == []


def test_what_is_unique_among_some_rows_is_no_key_to_refer_to() -> None:
    key = ForeignKey("FK", ("Item No",), "T", ("Id",))
    made = _drafted(_index("Id", unique=True, where="([Deleted]=(0))"), foreign_keys=(key,))
    assert made.mapping.tables["T"].foreign_keys == ()
    assert "relationship FK to T is left out: its columns are not a key of the parent" in [n.text for n in made.notices]
    whole = _drafted(_index("Id", unique=True, included=("Due",)), foreign_keys=(key,))
    assert len(whole.mapping.tables["T"].foreign_keys) == 1
