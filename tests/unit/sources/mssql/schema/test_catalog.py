"""What catalog views say, as a catalog; here without a server, for what only odd servers say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pytest
import sqlglot

from pipeline.catalog import (
    Action,
    Catalog,
    Check,
    Column,
    ForeignKey,
    Identity,
    Index,
    IndexPart,
    Query,
    QueryKind,
    SqlType,
    Table,
)
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.engine.plan import make_plan
from pipeline.errors import ConnectionLost, SourceError, StatementRefused
from pipeline.mapping.models import ColumnMapping
from pipeline.sources.mssql.refusal import refusal
from pipeline.sources.mssql.schema.answers import statement
from pipeline.sources.mssql.schema.catalog import read_schema
from pipeline.sources.mssql.schema.tables import Schema, SqlColumn
from tests.tds.sys_catalog import COLUMNS, Said, said

KEY = Index("PK", (IndexPart("id"),), unique=True, primary=True)
ID = Column("id", SqlType("int"), nullable=False)
FACTS = {"collation": "Korean_Wansung_CI_AS"}
QUERIES = {statement(name): name for name in COLUMNS}
LATER = {
    "bound_objects",
    "column_kinds",
    "comments",
    "database_options",
    "graph_columns",
    "objects",
    "permissions",
    "refused_columns",
    "row_counts",
    "row_policies",
    "table_kinds",
}
"""What only some servers tell."""


class Canned:
    """Says what it is given; a query that is not there is one that the server does not know."""

    def __init__(self, said: Said, lost: str = "") -> None:
        self.said, self.lost = said, lost

    def execute(self, sql: str) -> None:
        raise NotImplementedError

    def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[dict[str, Any]]:
        name = QUERIES[sql]
        if name == self.lost:
            raise ConnectionLost("gone")
        if name not in self.said:
            raise StatementRefused(f"Invalid object name of {name}", number=208)
        return self.said[name]

    def stream(self, sql: str, parameters: tuple[object, ...] = (), *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError


def described(*tables: Table, queries: tuple[Query, ...] = ()) -> Said:
    return said(Catalog(tables, FACTS, queries=queries), code_page=949)


def schema(said: Said) -> Schema:
    return read_schema(Canned(said))


def told(found: Schema) -> list[tuple[str | None, str | None, str]]:
    return [(notice.table, notice.column, notice.text) for notice in found.catalog.notices]


def plain(*columns: Column) -> Table:
    return Table("T", (ID, *columns), "dbo", (KEY,))


def test_every_query_is_asked_and_described() -> None:
    """A file that nothing reads, or a description of none, would be dead."""
    asked = []

    class Listening(Canned):
        def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[dict[str, Any]]:
            asked.append(QUERIES[sql])
            return super().rows(sql, parameters)

    read_schema(Listening(described(plain())))
    assert sorted(asked) == sorted(COLUMNS)


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_query_selects_the_columns_that_are_described(name: str) -> None:
    """What the tests' server answers is what the statement asks for."""
    assert sqlglot.parse_one(statement(name), read="tsql").named_selects == list(COLUMNS[name])


@pytest.mark.parametrize(
    "type",
    [
        "bit", "tinyint", "smallint", "int", "bigint", "real", "float", "money", "smallmoney", "date", "datetime",
        "smalldatetime", "uniqueidentifier", "rowversion", "text", "ntext", "image", "xml", "json", "sql_variant",
        "geometry",
        "geography", "hierarchyid", "decimal(38,10)", "numeric(5,0)", "time(0)", "datetime2(7)", "datetimeoffset(3)",
        "char(8000)", "varchar(1)", "varchar", "nchar(4000)", "nvarchar(128)", "nvarchar", "binary(16)", "varbinary",
    ],
)  # fmt: skip
def test_types(type: str) -> None:
    found = schema(described(plain(Column("v", SqlType.parse(type)))))
    assert found.catalog.table("T").column("v").type == SqlType.parse(type)
    assert found.tables["T"].columns[1].type == SqlType.parse(type)


@pytest.mark.parametrize(
    ("name", "base", "type"),
    [("vector", "varbinary", SqlType("vector")), ("sysname", "nvarchar", SqlType("nvarchar", (128,)))],
)
def test_a_type_of_the_server_is_not_what_it_is_stored_as(name: str, base: str, type: SqlType) -> None:
    given = described(plain(Column("v", SqlType("int"))))
    given["columns"][1] |= {"base_type": base, "type_name": name, "max_length": 256}
    assert schema(given).tables["T"].columns[1].type == type


def test_what_a_select_has_to_know() -> None:
    columns = (
        Column("v", SqlType("varchar", (20,))),
        Column("n", SqlType("nchar", (20,))),
        Column("m", SqlType("varchar")),
        Column("t", SqlType("text")),
        Column("d", SqlType("decimal", (5, 2))),
    )
    assert schema(described(plain(*columns))).tables["T"].columns == (
        SqlColumn("id", SqlType("int"), None, None),
        SqlColumn("v", SqlType("varchar", (20,)), 949, 20),
        SqlColumn("n", SqlType("nchar", (20,)), None, 40),
        SqlColumn("m", SqlType("varchar"), 949, None),
        SqlColumn("t", SqlType("text"), 949, None),
        SqlColumn("d", SqlType("decimal", (5, 2)), None, None),
    )


def test_types_that_are_not_the_servers_own() -> None:
    kinds = (SqlType("nvarchar", (25,)), SqlType("nvarchar", (25,)), SqlType("geometry"), SqlType("geometry"))
    said = described(plain(*(Column(f"c{at}", kind) for at, kind in enumerate(kinds))))
    said["columns"][1] |= {"type_schema": "dbo", "type_name": "Phone"}
    said["columns"][2] |= {"type_schema": None, "type_name": None}  # which a login may not be shown
    said["columns"][3] |= {"type_schema": "app", "type_name": "Point"}
    said["columns"][4] |= {"type_schema": None, "type_name": None}
    said["columns"][0] |= {"base_type": "varbinary", "type_name": "vector", "max_length": 20}  # as SQL Server 2025 says
    types = [str(column.type) for column in schema(said).catalog.table("T").columns]
    assert types.pop(0) == "vector"
    assert types == ["nvarchar(25)", "nvarchar(25)", "app.Point", "of a type that is not shown"]


def test_a_column_of_another_collation() -> None:
    said = described(plain(Column("v", SqlType("varchar", (9,)))))
    said["columns"][1]["collation_name"] = "Cyrillic_General_CI_AS"
    said["code_pages"].append({"collation_name": "Cyrillic_General_CI_AS", "code_page": 1251})
    found = schema(said)
    assert found.tables["T"].columns[1].code_page == 1251
    assert found.catalog.table("T").column("v").collation == "Cyrillic_General_CI_AS"
    assert told(found) == [("T", "v", "its collation is Cyrillic_General_CI_AS, which is not the database's")]


def test_a_collation_without_a_code_page_is_of_none() -> None:
    said = described(plain(Column("v", SqlType("varchar", (9,)))))
    said["code_pages"] = [{"collation_name": "Korean_Wansung_CI_AS", "code_page": 0}]
    assert schema(said).tables["T"].columns[1].code_page is None


@pytest.mark.parametrize(
    ("seed", "step", "last", "next_value"),
    [("1", "1", "1", 1), ("1", "1", "41", 42), ("100", "5", "110", 115), ("-1", "-1", "-9", None),
     ("1", "1", str(2**63 - 1), None), ("1", "1", "9" * 38, None)],
)  # fmt: skip
def test_where_an_identity_goes_on(seed: str, step: str, last: str, next_value: int | None) -> None:
    said = described(plain(Column("n", SqlType("bigint"), nullable=False, identity=Identity())))
    said["identities"][0] |= {"seed": seed, "step": step, "last": last}
    assert schema(said).catalog.table("T").column("n").identity == Identity(next_value)


def test_an_identity_that_the_login_does_not_see() -> None:
    said = described(plain(Column("n", SqlType("bigint"), nullable=False, identity=Identity())))
    said["identities"][0] |= {"seed": None, "step": None, "last": None}
    found = schema(said)
    assert found.catalog.table("T").column("n").identity == Identity()
    assert told(found) == [("T", "n", "where it counts on is not told: after the highest that arrives")]


def index(said: Said, name: str, **more: object) -> None:
    """Another index over the second column."""
    at = len(said["indexes"]) + 1
    said["indexes"].append({**said["indexes"][0], "index_id": at, "name": name, "is_primary_key": False, **more})
    said["index_columns"].append({**said["index_columns"][0], "index_id": at, "column_id": 2})


def test_indexes_that_are_not_carried_whole() -> None:
    said = described(plain(Column("a", SqlType("int"), nullable=False), Column("b", SqlType("int"))))
    index(said, "Included", is_unique=False)
    said["index_columns"].append(
        {**said["index_columns"][-1], "column_id": 3, "key_ordinal": 0, "is_included_column": True}
    )
    index(said, "Filtered", has_filter=True, filter_definition="([a] IS NOT NULL)")
    index(said, "Off", is_disabled=True, is_unique_constraint=True)
    index(said, "Tried", is_hypothetical=True)
    index(said, "Shapes", type=4, type_desc="SPATIAL", is_unique=False)
    index(said, "Garbled")
    said["index_columns"][-1]["key_ordinal"] = 2
    found = schema(said)
    assert found.catalog.table("T").indexes == (
        KEY,
        Index("Included", (IndexPart("a"),), included=("b",)),
        Index("Filtered", (IndexPart("a"),), unique=True, predicate="([a] IS NOT NULL)"),
    )
    assert found.tables["T"].keys == (("id",),)
    assert told(found) == [
        ("T", None, "unique key Off is left out: the source has it disabled"),
        ("T", None, "index Tried is left out: it was made to try out, and holds nothing"),
        ("T", None, "index Shapes is left out: spatial indexes are not carried"),
        ("T", None, "index Garbled is left out: this server does not tell all of its columns"),
    ]


def test_columns_of_keys_that_a_server_makes_up_are_not_believed() -> None:
    """Babelfish before 2.9: a key of the wrong columns would page past rows."""
    said = described(plain(Column("a", SqlType("int"))))
    said["index_columns"][0]["is_included_column"] = True
    found = schema(said)
    assert (found.catalog.table("T").indexes, found.tables["T"].keys) == ((), ())
    assert told(found) == [("T", None, "primary key PK is left out: this server does not tell all of its columns")]


def test_keys_to_page_by_are_unique_and_never_null() -> None:
    a, b = Column("a", SqlType("int"), nullable=False), Column("b", SqlType("int"))
    indexes = (
        Index("Two", (IndexPart("id"), IndexPart("a")), unique=True),
        Index("Null", (IndexPart("b"),), unique=True),
        Index("Any", (IndexPart("a"),)),
        Index("One", (IndexPart("a", descending=True),), unique=True),
        KEY,
    )
    found = schema(described(Table("T", (ID, a, b), "dbo", indexes)))
    assert found.tables["T"].keys == (("id",), ("a",), ("id", "a"))
    assert found.catalog.table("T").primary_key == ("id",)


def test_relationships() -> None:
    child = Table(
        "sales.Line",
        (Column("x", SqlType("int")), Column("y", SqlType("int"))),
        "sales",
        foreign_keys=(
            ForeignKey("F1", ("x", "y"), "Order", ("a", "b"), Action.SET_NULL, Action.CASCADE),
            ForeignKey("F2", ("x",), "Order", ("a",), enforced=False),
            ForeignKey("F3", ("x",), "Order", ("a",)),
            ForeignKey("F4", ("x",), "Order", ("a",)),
            ForeignKey("F5", ("x",), "Order", ("a",)),
        ),
    )
    parent = Table("Order", (Column("a", SqlType("int")), Column("b", SqlType("int"))), "dbo")
    said = described(parent, child)
    said["foreign_keys"][2]["on_delete"] = 3
    said["foreign_keys"][3]["is_not_trusted"] = True
    said["foreign_keys"][4]["referenced_object_id"] = 77
    found = schema(said)
    assert found.catalog.table("sales.Line").foreign_keys == child.foreign_keys[:4]
    doubted = "rows that break it go to the quarantine, as the source does not vouch for all of them"
    assert told(found) == [
        ("sales.Line", None, "relationship F3: ON DELETE SET DEFAULT is not carried: nothing is done then"),
        ("sales.Line", None, f"relationship F4: {doubted}"),
        ("sales.Line", None, "relationship F5 is left out: this login is not shown its parent, or its columns"),
    ]


def test_pairs_of_columns_that_a_server_makes_up_are_not_believed() -> None:
    """Babelfish before 2.2 pairs each column with each."""
    pairs = ForeignKey("F", ("id", "a"), "T", ("id", "a"))
    said = described(Table("T", (ID, Column("a", SqlType("int"))), "dbo", foreign_keys=(pairs,)))
    said["foreign_key_columns"] += [{**row, "ordinal": 1} for row in said["foreign_key_columns"]]
    assert schema(said).catalog.table("T").foreign_keys == ()


def test_what_a_login_without_view_definition_is_not_shown() -> None:
    columns = (
        Column("d", SqlType("int"), default="((1))"),
        Column("c", SqlType("int"), calculated="([id]*(2))"),
    )
    table = Table("T", (ID, *columns), "dbo", (KEY,), checks=(Check("C", "[id]>(0)", ("id",)),))
    said = described(table, queries=(Query("V", QueryKind.SELECT, "SELECT 1 AS one"),))
    for query in ("defaults", "computed_columns", "checks", "views"):
        said[query][0]["definition"] = None
    said["permissions"] = [{"sees_definitions": 0}]
    found = schema(said)
    hidden = "is not shown to this login: have VIEW DEFINITION granted to it"
    assert told(found)[:3] == [
        ("T", "d", f"its default {hidden}"),
        ("T", "c", f"how it is computed {hidden}"),
        ("T", None, f"check C is left out: its rule {hidden}"),
    ]
    assert "tables, columns, row-level security and other objects may be there" in told(found)[3][2]
    assert found.catalog.table("T").checks == ()
    assert found.catalog.queries[0].reason == f"its text is encrypted, or {hidden}"


def test_a_filter_that_the_login_is_not_shown_is_not_taken_for_none() -> None:
    """sys.indexes says NULL of it then: the index would be a key of all rows, and pages by it would pass rows over."""
    said = described(plain(Column("a", SqlType("int"), nullable=False)))
    index(said, "Filtered", has_filter=True, filter_definition=None)
    found = schema(said)
    assert (found.catalog.table("T").indexes, found.tables["T"].keys) == ((KEY,), (("id",),))
    hidden = "the condition of its rows is not shown to this login: have VIEW DEFINITION granted to it"
    assert told(found) == [("T", None, f"index Filtered is left out: {hidden}")]


def test_disabled_and_doubted_checks() -> None:
    checks = (Check("Off", "[id]>(0)", ("id",), enforced=False), Check("On", "[id]>(1)"))
    said = described(Table("T", (ID,), "dbo", checks=checks))
    said["checks"][1]["is_not_trusted"] = True
    found = schema(said)
    assert found.catalog.table("T").checks == (Check("On", "([id]>(1))"),)
    doubted = "rows that break it go to the quarantine, as the source does not vouch for all of them"
    assert told(found) == [
        ("T", None, "check Off is left out, as the source has it disabled: ([id]>(0))"),
        ("T", None, f"check On: {doubted}"),
    ]


def kind(column_id: int, **more: object) -> dict[str, Any]:
    plain = {"is_filestream": False, "is_column_set": False, "encryption_type": None, "is_masked": False}
    return {
        "object_id": 1000,
        "column_id": column_id,
        **plain,
        "generated_always_type_desc": "NOT_APPLICABLE",
        "sees_unmasked": 0,
        **more,
    }


MASKED = "the server masks its values before this login: have UNMASK granted to [reader]"
ENCRYPTED = "is encrypted with a key that the server does not have (Always Encrypted)"
REFUSED = "this login may not read it: have SELECT on it granted to [reader]"


def test_columns_whose_values_the_login_is_not_given_stop_the_plan() -> None:
    """What a server sends for a masked column looks like any value: nothing after this would notice."""
    said = described(plain(*(Column(name, SqlType("varchar", (20,))) for name in ("masked", "seen", "locked", "no"))))
    said["column_kinds"] = [
        kind(2, is_masked=True),
        kind(3, is_masked=True, sees_unmasked=1),
        kind(4, encryption_type=1),
    ]
    said["refused_columns"] = [{"object_id": 1000, "column_id": 5}]
    found = schema(said)
    table = found.catalog.table("T")
    assert [column.unreadable for column in table.columns] == [None, MASKED, None, ENCRYPTED, REFUSED]
    assert told(found) == [
        ("T", None, f"not readable: locked: {ENCRYPTED}"),
        ("T", None, f"not readable: masked: {MASKED}"),
        ("T", None, f"not readable: no: {REFUSED}"),
    ]
    dialect = sql_server(found.catalog.facts["collation"])
    mapping = draft(found.catalog, dialect=dialect).mapping
    with pytest.raises(SourceError, match=r"table T, column masked: the server masks .* UNMASK granted to \[reader\]"):
        make_plan(found.catalog, mapping, dialect)
    left = {name: ColumnMapping(skip=True) for name in ("masked", "locked", "no")}
    carried = mapping.tables["T"].model_copy(update={"columns": {**mapping.tables["T"].columns, **left}})
    plan = make_plan(found.catalog, mapping.model_copy(update={"tables": {"T": carried}}), dialect)
    assert plan.tasks[0].target.column_names == ("id", "seen")


def test_a_table_that_the_login_may_not_read() -> None:
    said = described(plain(Column("a", SqlType("int"))))
    said["refused_columns"] = [{"object_id": 1000, "column_id": 1}, {"object_id": 1000, "column_id": 2}]
    found = schema(said)
    assert told(found) == [("T", None, f"no column can be read: {REFUSED}")]
    assert found.tables["T"].keys == ()


def test_tables_and_columns_that_are_more_than_that() -> None:
    said = described(plain(*(Column(name, SqlType("datetime2", (7,))) for name in ("since", "all"))), Table("H", (ID,)))
    said["column_kinds"] = [kind(2, generated_always_type_desc="AS_ROW_START"), kind(3, is_column_set=True)]
    said["table_kinds"] = [
        {
            "object_id": 1000,
            "is_filetable": True,
            "is_memory_optimized": True,
            "is_external": True,
            "temporal_type": 2,
            "history_table_id": 1001,
        }
    ]
    said["row_policies"] = [{"object_id": 1000, "name": "own_rows"}]
    assert told(schema(said)) == [
        ("T", "since", "the source writes it by itself (AS_ROW_START); nothing does here"),
        ("T", "all", "repeats the sparse columns of its row as XML: give `skip: true` to go without it"),
        ("T", None, "the source keeps its history in H, and PostgreSQL keeps none"),
        ("T", None, "is external: its rows are read from where it points to"),
        ("T", None, "is a FileTable: its files are carried as values, and no folder shows them"),
        ("T", None, "is memory-optimized: it becomes a table like any other"),
        ("T", None, "policy own_rows hides rows: what it hides from this login is not carried"),
    ]


def test_defaults_and_rules_that_are_bound_to_a_column() -> None:
    said = described(plain(Column("a", SqlType("int"))))
    said["bound_objects"] = [
        {"object_id": 1000, "column_id": 2, "kind": "default", "definition": "CREATE DEFAULT zero AS 0\r\n"},
        {"object_id": 1000, "column_id": 2, "kind": "rule", "definition": None},
    ]
    assert told(schema(said)) == [
        ("T", "a", "a default is bound to it, which is not carried: CREATE DEFAULT zero AS 0"),
        ("T", "a", "a rule is bound to it, which is not carried: its text is not shown to this login"),
    ]


def test_columns_of_a_graph_that_no_statement_can_name() -> None:
    said = described(plain(Column("graph_id_1", SqlType("bigint")), Column("$node_id_2", SqlType("nvarchar", (1000,)))))
    said["graph_columns"] = [
        {"object_id": 1000, "column_id": 2, "graph_type": 1},
        {"object_id": 1000, "column_id": 3, "graph_type": 2},
    ]
    index(said, "GRAPH_UNIQUE_INDEX", is_unique=True)
    found = schema(said)
    assert found.catalog.table("T").column_names == ("id", "$node_id_2")
    assert told(found) == [
        ("T", None, "index GRAPH_UNIQUE_INDEX is left out: this server does not tell all of its columns"),
        ("T", None, "is a node or edge: its numbers behind $node_id are not shown by the server"),
    ]


def test_what_is_not_carried_at_all_is_counted() -> None:
    said = described(plain())
    said["objects"] = [
        {"type": "P", "type_desc": "SQL_STORED_PROCEDURE", "object_count": 7},
        {"type": "TR", "type_desc": "SQL_TRIGGER", "object_count": 2},
        {"type": "XX", "type_desc": "SOMETHING_NEW", "object_count": 1},
    ]
    said["indexes"].append({**said["indexes"][0], "object_id": 5})
    assert told(schema(said)) == [
        (
            None,
            None,
            "not carried, by kind of object: 2 DmlTrigger, 1 Index of a view, 7 Procedure, 1 SOMETHING_NEW",
        )
    ]


def test_a_server_that_knows_no_more_than_it_must() -> None:
    whole = described(plain(Column("v", SqlType("varchar", (20,)), default="('x')")))
    found = schema({name: rows for name, rows in whole.items() if name not in LATER})
    assert found.catalog.tables == schema(whole).catalog.tables
    assert told(found) == [
        (
            None,
            None,
            "this server does not tell: masked, encrypted and generated columns; graph tables; which tables this login "
            "may read; descriptions; counts of rows; defaults and rules that are bound to columns; temporal, external, "
            "memory-optimized and file tables; row-level security; how the database is set; procedures, functions, "
            "triggers and sequences; what it hides",
        )
    ]


def test_what_babelfish_does_not_know_is_known_by_its_words_where_it_has_no_number_for_it() -> None:
    refused = refusal("catalog", "function sys.f(unknown) does not exist", number=33557097)
    assert isinstance(refused, StatementRefused)
    assert refused.number == 195


@pytest.mark.parametrize("name", sorted({*COLUMNS} - LATER))
def test_what_every_server_has_to_tell(name: str) -> None:
    said = described(plain())
    del said[name]
    with pytest.raises(StatementRefused):
        schema(said)


def test_a_query_that_is_refused_for_another_reason_is_not_taken_for_unknown() -> None:
    class Denying(Canned):
        def rows(self, sql: str, parameters: tuple[object, ...] = ()) -> list[dict[str, Any]]:
            if QUERIES[sql] == "column_kinds":
                raise StatementRefused("The SELECT permission was denied on the object 'columns'", number=229)
            return super().rows(sql, parameters)

    with pytest.raises(StatementRefused, match="permission was denied"):
        read_schema(Denying(described(plain())))


@pytest.mark.parametrize("name", sorted(COLUMNS))
def test_a_lost_connection_is_never_taken_for_an_older_server(name: str) -> None:
    with pytest.raises(ConnectionLost):
        read_schema(Canned(described(plain()), lost=name))


def test_rows_that_nobody_counted() -> None:
    said = described(plain())
    said["row_counts"] = [{"object_id": 1000, "row_count": -1}]
    assert schema(said).catalog.table("T").rows is None


def test_two_tables_of_one_name() -> None:
    said = described(plain())
    said["tables"] = [
        {"object_id": 1, "schema_name": "dbo", "name": "a.b"},
        {"object_id": 2, "schema_name": "a", "name": "b"},
    ]
    with pytest.raises(SourceError, match=r"database shop: has 2 tables that are called 'a\.b'"):
        schema(said)


def test_two_columns_of_one_name() -> None:
    said = described(plain(Column("a", SqlType("int"))))
    said["columns"].append({**said["columns"][1], "column_id": 3})
    with pytest.raises(SourceError, match="database shop: tells 2 columns of table T that are called 'a'"):
        schema(said)


def test_a_database_that_does_not_say_how_it_compares() -> None:
    said = described(plain())
    said["database"][0]["collation"] = None
    with pytest.raises(SourceError, match="database shop: does not say by which collation"):
        schema(said)


def test_facts() -> None:
    assert schema(described(plain())).catalog.facts == {
        "format": "SQL Server",
        "database": "shop",
        "server": "tests",
        "version": "16.0.4165.4",
        "edition": "Developer Edition (64-bit)",
        "collation": "Korean_Wansung_CI_AS",
        "compatibility level": "160",
        "state": "read and write, snapshot isolation",
    }
