"""The statements over the catalog views, held to Microsoft's documentation: no server of the tests has them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import resources

import pytest
import sqlglot
from sqlglot import exp

from pipeline.sources.mssql import consistency
from pipeline.sources.mssql.schema.answers import statement

_OF_OBJECTS = "object_id name schema_id parent_object_id type type_desc is_ms_shipped"
_DOCUMENTED = {
    "check_constraints": {2012: f"{_OF_OBJECTS} parent_column_id definition is_disabled is_not_trusted"},
    "columns": {
        2012: "object_id name column_id system_type_id user_type_id max_length precision scale collation_name "
        "is_nullable is_identity is_computed is_filestream is_column_set default_object_id rule_object_id",
        2016: "generated_always_type generated_always_type_desc encryption_type is_hidden is_masked",
        2017: "graph_type",
    },
    "computed_columns": {2012: "object_id column_id definition is_persisted"},
    "database_files": {2012: "file_id type name physical_name"},
    "databases": {
        2012: "name database_id source_database_id create_date compatibility_level is_read_only "
        "snapshot_isolation_state is_read_committed_snapshot_on"
    },
    "default_constraints": {2012: f"{_OF_OBJECTS} parent_column_id definition"},
    "extended_properties": {2012: "class major_id minor_id name value"},
    "foreign_key_columns": {
        2012: "constraint_object_id constraint_column_id parent_object_id parent_column_id referenced_object_id "
        "referenced_column_id"
    },
    "foreign_keys": {
        2012: f"{_OF_OBJECTS} referenced_object_id is_disabled is_not_trusted delete_referential_action "
        "update_referential_action"
    },
    "index_columns": {
        2012: "object_id index_id index_column_id column_id key_ordinal is_descending_key is_included_column"
    },
    "indexes": {
        2012: "object_id index_id name type type_desc is_unique is_primary_key is_unique_constraint is_disabled "
        "is_hypothetical has_filter filter_definition"
    },
    "objects": {2012: _OF_OBJECTS},
    "partitions": {2012: "partition_id object_id index_id rows"},
    "schemas": {2012: "schema_id name"},
    "security_policies": {2016: f"{_OF_OBJECTS} is_enabled"},
    "security_predicates": {2016: "object_id target_object_id predicate_type"},
    "sql_modules": {2012: "object_id definition"},
    "tables": {
        2012: f"{_OF_OBJECTS} is_filetable",
        2014: "is_memory_optimized",
        2016: "temporal_type history_table_id is_external",
    },
    "types": {2012: "system_type_id user_type_id schema_id name is_user_defined"},
    "views": {2012: _OF_OBJECTS},
}
"""Columns of the catalog views, by the release that has them first."""
_WORDS = """
    add all alter and any as asc authorization backup begin between break browse bulk by cascade case check
    checkpoint close clustered coalesce collate column commit compute constraint contains containstable continue
    convert create cross current current_date current_time current_timestamp current_user cursor database dbcc
    deallocate declare default delete deny desc disk distinct distributed double drop dump else end errlvl
    escape except exec execute exists exit external fetch file fillfactor for foreign freetext freetexttable
    from full function goto grant group having holdlock identity identity_insert identitycol if in index inner
    insert intersect into is join key kill left like lineno load merge national nocheck nonclustered not null
    nullif of off offsets on open opendatasource openquery openrowset openxml option or order outer over percent
    pivot plan primary print proc procedure public raiserror read readtext reconfigure references replication
    restore restrict return revert revoke right rollback rowcount rowguidcol rule save schema securityaudit
    select session_user set setuser shutdown some statistics system_user table tablesample textsize then to top
    tran transaction trigger truncate try_convert tsequal union unique unpivot update updatetext use user values
    varying view waitfor when where while with within writetext
"""
_RESERVED = frozenset(_WORDS.split())
"""What T-SQL takes for no name without brackets."""
NAMES = sorted(
    file.name.removesuffix(".sql") for file in resources.files("pipeline.sources.mssql").joinpath("queries").iterdir()
)
_OTHERS = (consistency.STATE, consistency.IN_MEMORY, consistency.FILES, consistency.LEFTOVERS)


def columns_of(sql: str) -> Iterator[tuple[str, str]]:
    """Views and columns that a statement names; those of no view are of the one it reads."""
    for select in sqlglot.parse_one(sql, read="tsql").find_all(exp.Select):
        views = {table.alias_or_name: table.name for table in select.find_all(exp.Table)}
        own = [table.name for table in select.find_all(exp.Table) if table.parent_select is select]
        aliases = {one.alias for one in select.expressions if isinstance(one, exp.Alias)}
        for column in select.find_all(exp.Column):
            ordering = column.find_ancestor(exp.Order) is not None
            if column.parent_select is select and not (not column.table and ordering and column.name in aliases):
                yield views.get(column.table, own[0]), column.name


@pytest.mark.parametrize("sql", [*map(statement, NAMES), *_OTHERS], ids=[*NAMES, "state", "memory", "files", "left"])
def test_every_column_is_documented_of_its_view(sql: str) -> None:
    named = list(columns_of(sql))
    for view, column in named:
        assert column in " ".join(_DOCUMENTED[view].values()).split(), f"sys.{view} has no {column}"
    tables = list(sqlglot.parse_one(sql, read="tsql").find_all(exp.Table))
    assert all(table.db == "sys" for table in tables)


@pytest.mark.parametrize("name", NAMES)
def test_the_release_that_a_statement_names_has_all_it_asks_for(name: str) -> None:
    sql = statement(name)
    said = [int(year) for year in re.findall(r"SQL\s+(?:--\s+)?Server\s+(?:--\s+)?(20\d\d)", sql.split("\nselect")[0])]
    since = [
        release for view, column in columns_of(sql) for release, of in _DOCUMENTED[view].items() if column in of.split()
    ]
    assert said
    assert said[-1] == max(since, default=2012)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_as_any_server_takes_them(name: str) -> None:
    """A database may tell upper from lower case in the names of the catalog too."""
    tree = sqlglot.parse_one(statement(name), read="tsql")
    given = {one.alias for one in tree.find_all(exp.Alias)} | {one.alias_or_name for one in tree.find_all(exp.Table)}
    assert not given & _RESERVED
    names = {one.name for one in (*tree.find_all(exp.Column), *tree.find_all(exp.Table))} | given
    assert names == {one.lower() for one in names}


def test_a_database_finds_itself_by_its_name_in_brackets() -> None:
    """DB_ID() is no number of sys.databases in Azure SQL Database; a name with a dot is two to a function."""
    for sql in map(str.lower, [*map(statement, NAMES), consistency.STATE]):
        assert not re.search(r"\bdatabase_id = db_id\(\)", sql)
        assert "has_perms_by_name(db_name()" not in sql
