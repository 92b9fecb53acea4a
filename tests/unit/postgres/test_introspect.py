"""What is made from a catalog is read back as the same catalog."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.catalog import Action, Column, ForeignKey, Identity, Index, IndexPart, SqlType, Table
from pipeline.mapping.types import parse_type
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.introspect import is_empty, read_table, sleeping_keys, table_exists, table_names

TYPES = [
    "smallint", "integer", "bigint", "real", "double precision", "numeric", "numeric(19,4)", "numeric(10,0)", "boolean",
    "text", "varchar", "varchar(50)", "char(3)", "bytea", "date", "timestamp", "timestamp(3)", "timestamptz",
    "timestamptz(0)", "time", "time(2)", "interval", "interval(3)", "uuid", "json", "jsonb", "xml", "inet", "cidr",
    "macaddr", "text[]", "varchar(50)[]", "timestamp(3)[]", "numeric(10,2)[]",
]  # fmt: skip

PARENT = Table(
    'a"b%s{x}',
    (
        Column("id", SqlType("integer"), nullable=False, identity=Identity()),
        Column("이름 %", SqlType("varchar", (50,)), nullable=False, default="'it''s {} 100%'", comment="50% 'off' {}"),
        Column("when", SqlType("timestamp"), default="now()"),
    ),
    "s%{}",
    indexes=(
        Index("by when %", (IndexPart("when", descending=True), IndexPart("id"))),
        Index("p%k", (IndexPart("id"),), unique=True, primary=True),
        Index("partial", (IndexPart("when"),), unique=True, ignore_nulls=True),
        Index("some %", (IndexPart("id"),), included=("when", "이름 %"), predicate='(("id" % 2) = 0)'),
        Index("u{}", (IndexPart("이름 %"), IndexPart("id")), unique=True),
    ),
)
CHILD = Table(
    "child",
    (Column("name", SqlType("varchar", (50,))), Column("item", SqlType("integer"))),
    PARENT.schema,
    foreign_keys=(
        ForeignKey(
            "f%k", ("item", "name"), PARENT.name, ("id", "이름 %"), on_update=Action.CASCADE, on_delete=Action.SET_NULL
        ),
    ),
)


@pytest.fixture
def connection(database: Target):  # type: ignore[no-untyped-def]
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def test_a_schema_comes_back_as_it_was_made(connection: Connection) -> None:
    connection.execute(ddl.create_schema(str(PARENT.schema)))
    for table in (PARENT, CHILD):
        connection.execute(ddl.create_complete(table))
        for statement in (*ddl.plain_indexes(table), *ddl.comments(table)):
            connection.execute(statement)
    connection.execute(ddl.add_foreign_key(CHILD, CHILD.foreign_keys[0], PARENT))
    found = read_table(connection, PARENT)
    assert found is not None
    default = f"{PARENT.columns[1].default}::character varying"
    expected = (PARENT.columns[0], replace(PARENT.columns[1], default=default), PARENT.columns[2])
    assert found.columns == expected
    partial = replace(PARENT.indexes[2], ignore_nulls=False, predicate='("when" IS NOT NULL)')
    some = replace(PARENT.indexes[3], predicate="((id % 2) = 0)")
    assert found.indexes == (*PARENT.indexes[:2], partial, some, PARENT.indexes[4])
    assert read_table(connection, CHILD) == CHILD
    assert table_names(connection, str(PARENT.schema)) == [PARENT.name, "child"]
    assert is_empty(connection, PARENT)


def test_a_bare_table_dressed_later_is_the_complete_one(connection: Connection) -> None:
    bare = replace(PARENT, schema="public")
    connection.execute(ddl.create_bare(bare))
    for column in bare.columns:
        for statement in ddl.dress_column(bare, column):
            connection.execute(statement)
    for index in bare.indexes:
        connection.execute(ddl.build_index(bare, index))
    dressed = read_table(connection, bare)
    connection.execute(ddl.create_schema("other"))
    complete = replace(bare, schema="other")
    connection.execute(ddl.create_complete(complete))
    for statement in ddl.plain_indexes(complete):
        connection.execute(statement)
    assert dressed is not None
    assert read_table(connection, complete) == replace(dressed, schema="other")


def test_an_index_that_ignores_nulls_holds_rows_with_any_value(connection: Connection) -> None:
    """Two rows may share NULL in every part, and no two the same values."""
    both = Index("some", (IndexPart("name"), IndexPart("item")), unique=True, ignore_nulls=True)
    connection.execute(ddl.create_bare(replace(CHILD, schema="public")))
    connection.execute(ddl.build_index(replace(CHILD, schema="public"), both))
    connection.execute("insert into child values (null, null), (null, null), ('a', null), ('a', null), ('a', 1)")
    with pytest.raises(Exception, match="duplicate key"):
        connection.execute("insert into child values ('a', 1)")


def test_every_type_of_a_mapping_is_read_back_in_the_mapping_s_spelling(connection: Connection) -> None:
    types = [parse_type(text) for text in TYPES]
    table = Table("t", tuple(Column(f"c{i}", type) for i, type in enumerate(types)), "public")
    connection.execute(ddl.create_bare(table))
    found = read_table(connection, table)
    assert found is not None
    assert [column.type for column in found.columns] == types


def test_a_type_of_an_extension_is_a_name_as_it_stands(connection: Connection) -> None:
    connection.execute("create type \"geometry(Point,4326)\" as enum ('x')")
    connection.execute('create table t (place "geometry(Point,4326)", many integer[], at time(3) with time zone)')
    found = read_table(connection, Table("t", (), "public"))
    assert found is not None
    assert [str(c.type) for c in found.columns] == ['"geometry(Point,4326)"', "integer[]", "timetz(3)"]


def test_a_table_that_is_not_there_is_none(connection: Connection) -> None:
    assert read_table(connection, PARENT) is None
    assert not table_exists(connection, PARENT)
    assert table_names(connection, "no such schema") == []


@pytest.mark.parametrize("parts", ["", "p", "c", "pc"])
@pytest.mark.parametrize("of", ["p", "c"])
def test_a_key_sleeps_where_triggers_of_the_rows_are_disabled(connection: Connection, parts: str, of: str) -> None:
    """Those of a partitioned table itself hold nothing, and those of its partitions do."""
    parted = "partition by range (id); create table {0}1 partition of {0} for values from (0) to (100)"
    for name, columns in (("p", "id int primary key"), ("c", "id int references p")):
        connection.execute(f"create table {name} ({columns}) {parted.format(name) if name in parts else ''}")  # type: ignore[arg-type]
    child = Table("c", (), "public")
    assert sleeping_keys(connection, child) == set()
    connection.execute(f"alter table only {of} disable trigger all")  # type: ignore[arg-type]
    assert sleeping_keys(connection, child) == (set() if of in parts else {"c_id_fkey"})
    connection.execute(f"alter table {of} disable trigger all")  # type: ignore[arg-type]
    assert sleeping_keys(connection, child) == {"c_id_fkey"}
    connection.execute(f"alter table {of} enable trigger all")  # type: ignore[arg-type]
    assert sleeping_keys(connection, child) == set()
    connection.execute("set session_replication_role = replica")
    assert sleeping_keys(connection, child) == {"c_id_fkey"}
