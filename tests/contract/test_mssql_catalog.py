"""Real databases served over TDS to a real driver: their catalog is that of their .bacpac."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.catalog import Catalog, Column, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.errors import ConnectionLost, StatementRefused
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.mssql.clients.base import Client
from pipeline.sources.mssql.connect import connect
from pipeline.sources.mssql.schema.answers import statement
from pipeline.sources.mssql.schema.catalog import read_schema
from tests.tds.database import Database
from tests.tds.drivers import address_of, odbc_driver
from tests.tds.faults import Fault
from tests.tds.from_bacpac import COMPUTED, catalog_views, served
from tests.tds.server import Server, serve
from tests.tds.sys_catalog import COLUMNS, answers
from tests.tds.tokens import ServerError

FOLDER = Path(__file__).parents[2].parent / "shared" / "bacpac"
FILES = sorted(FOLDER.glob("*.bacpac")) if FOLDER.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="../shared/bacpac is missing")
LATER = {"column_kinds", "comments", "graph_columns", "refused_columns", "row_counts", "row_policies", "table_kinds"}
"""What only some servers tell."""


@contextmanager
def connected(server: Server, driver: str | None = None) -> Iterator[Client]:
    client = connect(address_of(server, odbc_driver=driver))
    try:
        yield client
    finally:
        client.close()


def packed(path: Path) -> Catalog:
    with BacpacSource(path) as source:
        return source.catalog()


def alive(table: Table) -> Table:
    """What a server says otherwise than a .bacpac: types of computed columns, where identities stand, parentheses
    around checks, and views with CREATE VIEW before them."""

    def column(one: Column) -> Column:
        if not one.stored:
            return replace(one, type=COMPUTED[f"{table.name}.{one.name}"].type, stored=True)
        return replace(one, identity=replace(one.identity, next_value=1)) if one.identity else one

    checks = tuple(replace(check, expression=f"({check.expression})") for check in table.checks)
    return replace(table, columns=tuple(map(column, table.columns)), checks=checks)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_catalog_of_a_server_is_that_of_its_bacpac(path: Path) -> None:
    expected = packed(path)
    with serve(served(path)) as server, connected(server) as client:
        found = read_schema(client)
    assert len(found.catalog.tables) > 10
    for table, other in zip(found.catalog.tables, expected.tables, strict=True):
        assert table == alive(other)
    for query, other in zip(found.catalog.queries, expected.queries, strict=True):
        assert query.name == other.name
        assert query.sql.startswith("CREATE VIEW ")
        assert query.sql.endswith(other.sql)
    assert found.catalog.facts["collation"] == expected.facts["collation"]
    assert {notice.table for notice in found.catalog.notices} == set()


@pytest.mark.parametrize("name", ["freetds", "msodbcsql"])
def test_the_catalog_is_the_same_by_way_of_odbc(name: str) -> None:
    driver = odbc_driver(name)
    with serve(served(FILES[0])) as server:
        with connected(server) as client:
            expected = read_schema(client)
        with connected(server, driver) as client:
            assert read_schema(client) == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_what_a_select_has_to_know(path: Path) -> None:
    expected = packed(path)
    with serve(served(path)) as server, connected(server) as client:
        found = read_schema(client).tables
    assert list(found) == [table.name for table in expected.tables]
    for table in expected.tables:
        read = found[table.name]
        assert (read.schema, read.table) == (table.schema, table.name.rpartition(".")[2])
        assert [column.name for column in read.columns] == list(table.column_names)
        assert read.keys[0] == table.primary_key if table.primary_key else not read.keys
        coded = {column.name for column in read.columns if column.code_page == 1252}
        assert coded == {column.name for column in table.columns if column.type.name in {"char", "varchar", "text"}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_draft_is_that_of_the_bacpac(path: Path) -> None:
    """So a mapping that was written for the one fits the other, but for computed columns, whose values a server has."""
    expected = packed(path)
    dialect = sql_server(expected.facts["collation"])
    with serve(served(path)) as server, connected(server) as client:
        live = draft(read_schema(client).catalog, dialect=dialect).mapping
    offline = draft(expected, dialect=dialect).mapping
    assert live.views == offline.views
    for name, table in offline.tables.items():
        computed = {column for column in table.columns if f"{name}.{column}" in COMPUTED}
        columns = {**table.columns, **{column: live.tables[name].columns[column] for column in computed}}
        without = [each for each in live.tables[name].unique if not computed & {*each.columns}]
        expected_table = table.model_copy(update={"columns": columns})
        found = live.tables[name].model_copy(update={"unique": tuple(without)})
        assert found == expected_table


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (208, "Invalid object name 'sys.masked_columns'."),
        (207, "Invalid column name 'is_masked'."),
        (195, "'has_perms_by_name' is not a recognized built-in function name."),
        (208, 'relation "sys.masked_columns" does not exist'),
        (207, "column c.is_masked does not exist"),
        (33557097, "function sys.has_perms_by_name(unknown, unknown) does not exist"),
    ],
)
def test_a_server_that_knows_less_is_read_without_it(number: int, text: str) -> None:
    """In the words of SQL Server, and of Babelfish, which has PostgreSQL's."""
    told = answers(catalog_views(packed(FILES[0])))
    lesser = {**told, **{statement(name): ServerError(number, text) for name in LATER}}
    database = Database("shop", "SQL_Latin1_General_CP1_CI_AS", answers=lesser)
    with serve(database) as server, connected(server) as client:
        found = read_schema(client).catalog
    assert [notice.text for notice in found.notices if "does not tell" in notice.text] == [
        "this server does not tell: masked, encrypted and generated columns; graph tables; which tables this login may "
        "read; descriptions; counts of rows; temporal, external, memory-optimized and file tables; row-level security"
    ]


def test_a_permission_that_is_missing_is_not_taken_for_an_older_server() -> None:
    refused = ServerError(229, "The SELECT permission was denied on the object 'columns', database 'shop'.")
    told = answers(catalog_views(packed(FILES[0])))
    database = Database("shop", "SQL_Latin1_General_CP1_CI_AS", answers={**told, statement("column_kinds"): refused})
    with (
        serve(database) as server,
        connected(server) as client,
        pytest.raises(StatementRefused, match="permission was denied"),
    ):
        read_schema(client)


@pytest.mark.parametrize("query", sorted(COLUMNS))
def test_a_connection_that_drops_within_the_catalog_is_lost_and_nothing_else(query: str) -> None:
    database = Database("shop", "SQL_Latin1_General_CP1_CI_AS", answers=answers(catalog_views(packed(FILES[0]))))
    with serve(database) as server, connected(server) as client:
        server.faults.add(Fault(statement(query)))
        with pytest.raises(ConnectionLost):
            read_schema(client)


def test_names_types_and_texts_in_korean() -> None:
    table = Table(
        "판매.주문",
        (
            Column("주문 번호", SqlType("int"), nullable=False),
            Column("메모", SqlType("nvarchar"), default="(N'없음')", comment="손님의 '말' 😀"),
        ),
        "판매",
        comment="주문",
    )
    catalog = Catalog((table,), {"collation": "Korean_Wansung_CI_AS"})
    database = Database("shop", "Korean_Wansung_CI_AS", answers=answers(catalog_views(catalog)))
    with serve(database) as server, connected(server) as client:
        assert read_schema(client).catalog.tables == (table,)
