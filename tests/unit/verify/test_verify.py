"""Every verifier by corruption: a clean migration, one thing changed behind its back, exactly that found."""

from __future__ import annotations

from dataclasses import replace

import pytest
from psycopg import sql

from pipeline.engine.summary import verify_plan
from pipeline.mapping.models import IndexMapping
from pipeline.outcome import Level, clean
from pipeline.postgres.connect import Connection, Target, connect
from tests.frames import FrameSource
from tests.unit.load.walk import (
    column,
    findings,
    key,
    mapping_of,
    migrate,
    plan_of,
    reference,
    retyped,
    source,
    table,
)

ITEM = table(
    "item",
    (column("id", identity=True), column("code", "Text(9)", nullable=False), column("note", "Memo")),
    key("id"),
    key("code", primary=False),
    rules={"code": '<>"z"'},
)
PART = table("part", (column("id"), column("item")), key("id"), references=(reference("item", "item"),))


def given() -> FrameSource:
    return source(
        {
            PART: [(1, 1), (2, 2), (3, None), (4, 99)],
            ITEM: [(1, "a", None), (2, "b", ""), (3, "c", "x"), (4, "c", None)],
        }
    )


KNOWN = [("rejects", "item", "duplicate_key", 1), ("rejects", "part", "orphan", 1)]

CORRUPTIONS = {
    "a row is gone": ("delete from item where id = 3", [("counts", "item", "rows", 1)]),
    "two rows too many": (
        "insert into item (code) values ('n'), ('m')",
        [("counts", "item", "rows", 2)],
    ),
    "a row twice": (
        "alter table part drop constraint part_pkey; insert into part values (1, 1)",
        [("counts", "part", "rows", 1), ("keys", "part", "part_pkey", 1), ("keys", "part", "part_pkey", 1)],
    ),
    "NULL in a required column": (
        "alter table item alter code drop not null; update item set code = null where id = 3",
        [("required", "item", "code", 1), ("required", "item", "code", 1)],
    ),
    "the column allows NULL": ("alter table item alter code drop not null", [("required", "item", "code", 1)]),
    "an orphan with triggers off": (
        "set session_replication_role = replica; update part set item = 7 where id = 2",
        [("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a parent gone with triggers off": (
        "set session_replication_role = replica; delete from item where id = 2",
        [("counts", "item", "rows", 1), ("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a check is gone": ("alter table item drop constraint item_code_check", [("checks", "item", "item_code_check", 1)]),
    "a check is not valid, and a row breaks it": (
        "alter table item drop constraint item_code_check; update item set code = 'z' where id = 3;"
        "alter table item add constraint item_code_check check (lower(code collate \"C\") <> 'z') not valid",
        [("checks", "item", "item_code_check", 1), ("checks", "item", "item_code_check", 1)],
    ),
    "a check says less": (
        "alter table item drop constraint item_code_check;alter table item add constraint item_code_check check (true)",
        [("checks", "item", "item_code_check", 1)],
    ),
    "a relationship reacts otherwise": (
        "alter table part drop constraint part_item_fkey;"
        "alter table part add constraint part_item_fkey foreign key (item) references item on delete cascade",
        [("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a column is computed and holds nothing": (
        "alter table item drop note; alter table item add note text generated always as ('x') stored",
        [("columns", "item", "note", 1)],
    ),
    "a relationship is not valid": (
        "alter table part drop constraint part_item_fkey;"
        "alter table part add constraint part_item_fkey foreign key (item) references item not valid",
        [("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a relationship is asleep": (
        "alter table part disable trigger all",
        [("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a relationship is asleep on its parent's side": (
        "alter table item disable trigger all",
        [("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a relationship is gone": (
        "alter table part drop constraint part_item_fkey",
        [("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a unique key is gone": ("alter table item drop constraint item_code_key", [("keys", "item", "item_code_key", 1)]),
    "a key holds for a part of the rows": (
        "alter table item drop constraint item_code_key; create unique index item_code_key on item (code) where id > 2",
        [("keys", "item", "item_code_key", 1)],
    ),
    "a key is only an index": (
        "alter table item drop constraint item_code_key; create index item_code_key on item (code)",
        [("keys", "item", "item_code_key", 1)],
    ),
    "a sequence is set back": (
        "select setval(pg_get_serial_sequence('item', 'id'), 2)",
        [("sequences", "item", "id", 1)],
    ),
    "a sequence is used up": (
        "select setval(pg_get_serial_sequence('item', 'id'), 2147483647)",
        [("sequences", "item", "id", 1)],
    ),
    "a column numbers nothing": ("alter table item alter id drop identity", [("sequences", "item", "id", 1)]),
    "a column is gone": ("alter table item drop note", [("columns", "item", "note", 1)]),
    "an identity column is gone": (
        "alter table part drop constraint part_item_fkey; alter table item drop id",
        [("columns", "item", "id", 1), ("foreign_keys", "part", "part_item_fkey", 1), ("keys", "item", "item_pkey", 1)],
    ),
    "a column has another type": ("alter table item alter note type varchar(9)", [("columns", "item", "note", 1)]),
    "a table is gone": (
        "drop table item cascade",
        [("columns", "item", "table", 1), ("foreign_keys", "part", "part_item_fkey", 1)],
    ),
    "a reject is gone": (
        "delete from _naru.reject where target_table = 'item'",
        [("counts", "item", "quarantine", 1)],
    ),
    "the ledger knows nothing of a table": (
        "delete from _naru.load where target_table = 'item'",
        [("counts", "item", "load", 1)],
    ),
    "a table is half loaded": (
        "update _naru.load set state = 'loading' where target_table = 'item'",
        [("counts", "item", "load", 1)],
    ),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_a_corruption_is_found_and_nothing_else(database: Target, connection: Connection, corruption: str) -> None:
    source = given()
    plan = plan_of(source)
    migrate(source, plan, database)
    assert sorted(findings(source, plan, database)) == KNOWN
    statement, expected = CORRUPTIONS[corruption]
    connection.execute(statement)  # type: ignore[arg-type]
    gone = {"a reject is gone", "the ledger knows nothing of a table"}
    known = KNOWN[1:] if corruption in gone else KNOWN
    assert sorted(findings(source, plan, database, Level.KEYS)) == sorted(known + expected)


def test_rows_that_the_source_has_now_and_were_not_read_are_counted(database: Target) -> None:
    source = given()
    plan = plan_of(source)
    migrate(source, plan, database)
    source.frames = {**source.frames, "item": source.frames["item"].head(2)}
    assert ("counts", "item", "read", 2) in findings(source, plan, database)


def test_an_empty_database_is_told_table_by_table(database: Target) -> None:
    source = given()
    assert findings(source, plan_of(source), database) == [
        ("counts", "item", "load", 1),
        ("counts", "part", "load", 1),
    ]


def test_a_check_in_other_words_of_one_meaning_is_no_finding(database: Target, connection: Connection) -> None:
    source = given()
    plan = plan_of(source)
    migrate(source, plan, database)
    connection.execute(
        "alter table item drop constraint item_code_check;"
        'alter table item add constraint item_code_check check ( (LOWER("code"  collate pg_catalog."C")) <> \'z\' )'
    )
    assert sorted(findings(source, plan, database)) == KNOWN


def test_what_cannot_be_compared_is_a_finding(database: Target, connection: Connection) -> None:
    """PostgreSQL is asked by a temporary table, which a standby does not make."""
    source = given()
    plan = plan_of(source)
    migrate(source, plan, database)
    connection.execute(f"alter database {database.database} set default_transaction_read_only = on")  # type: ignore[call-overload]
    assert sorted(findings(source, plan, database)) == [("checks", "item", "item_code_check", 1), *KNOWN]


def test_a_sequence_that_the_user_may_not_read_is_neither_clean_nor_behind(
    database: Target, connection: Connection
) -> None:
    source = given()
    plan = plan_of(source)
    migrate(source, plan, database)
    name = sql.Identifier(f"reader_{database.database}")
    connection.execute(sql.SQL("create role {0}; grant usage on schema _naru to {0}").format(name))
    connection.execute(sql.SQL("grant select on all tables in schema _naru, public to {}").format(name))
    try:
        connection.execute(sql.SQL("set role {}").format(name))
        told = [it for it in verify_plan(connection, plan, source) if it.verifier == "sequences"]
        assert [(it.table, it.subject, it.allowed) for it in told] == [("item", "id", False)]
        assert "not verified" in told[0].detail
        assert "grant select on sequence item_id_seq" in told[0].detail
        connection.execute("reset role")
        connection.execute(sql.SQL("grant select on sequence item_id_seq to {}").format(name))
        connection.execute(sql.SQL("set role {}").format(name))
        assert not [it for it in verify_plan(connection, plan, source) if it.verifier == "sequences"]
    finally:
        connection.execute(sql.SQL("reset role; drop owned by {0}; drop role {0}").format(name))


def test_a_default_that_is_gone_or_another_is_found(database: Target, connection: Connection) -> None:
    source = given()
    plan = plan_of(source, retyped(mapping_of(source), "item", "note", default_sql="'none'"))
    migrate(source, plan, database)
    assert sorted(findings(source, plan, database)) == KNOWN
    for change in ("drop default", "set default 'some'"):
        connection.execute(f"alter table item alter note {change}")  # type: ignore[call-overload]
        assert sorted(findings(source, plan, database)) == [("columns", "item", "note", 1), *KNOWN]


def test_an_index_without_nulls_is_looked_at_beyond_its_name(database: Target, connection: Connection) -> None:
    source = given()
    index = IndexMapping(name="filled", columns=("note",), ignore_nulls=True)
    plan = plan_of(source, mapping_of(source, {"item": {"indexes": (index,)}}))
    migrate(source, plan, database)
    assert sorted(findings(source, plan, database)) == KNOWN
    for other in ("(code) where note is not null", "(note)"):
        connection.execute("drop index filled")
        connection.execute(f"create index filled on item {other}")  # type: ignore[call-overload]
        assert ("keys", "item", "filled", 1) in findings(source, plan, database)


def test_an_index_is_held_to_its_condition_and_to_the_columns_that_it_includes(
    database: Target, connection: Connection
) -> None:
    source = given()
    index = IndexMapping(name="few", columns=("note",), include=("code",), unique=True, where="id > 1 and id <> 4")
    plan = plan_of(source, mapping_of(source, {"item": {"indexes": (index,)}}))
    migrate(source, plan, database)
    assert sorted(findings(source, plan, database)) == KNOWN
    missing = [("keys", "item", "few", 1), *KNOWN]
    for other in ("(note) where id > 1 and id <> 4", "(note) include (code)", "(note) include (code) where id > 1"):
        connection.execute("drop index few")
        connection.execute(f"create unique index few on item {other}")  # type: ignore[call-overload]
        assert sorted(findings(source, plan, database)) == missing
    connection.execute("drop index few")
    connection.execute("create unique index other on item (note) include (code, id) where id <> 4 and id > 1")
    assert sorted(findings(source, plan, database)) == missing  # the condition may mean the same, and is another
    connection.execute("drop index other")
    connection.execute("create unique index other on item (note) include (code, id) where id > 1 and id <> 4")
    assert sorted(findings(source, plan, database)) == KNOWN
    connection.execute("drop index other")
    connection.execute("update item set note = 'x'")  # of three rows, among which the two of the index
    changed = [("content", "item", "note", 2), *[("keys", "item", "few", 1)] * 2]
    assert sorted(findings(source, plan, database)) == [*changed, *KNOWN]


@pytest.mark.parametrize(("claimed", "told"), [(None, []), (2, []), (3, [("counts", "item", "claimed rows", 1)])])
def test_a_source_that_counts_other_rows_than_it_has_is_told_of(
    claimed: int | None, told: list[tuple[str, str, str, int]], database: Target
) -> None:
    given = source({replace(ITEM, rows=claimed): [(1, "a", None), (2, "b", None)]})
    plan = plan_of(given)
    migrate(given, plan, database)
    assert findings(given, plan, database) == told
    with connect(database, application_name="t", autocommit=True) as connection:
        found = verify_plan(connection, plan, given)
    assert clean(found)
    assert ["3 rows, and 2 are found" in finding.detail for finding in found] == [True] * len(told)
