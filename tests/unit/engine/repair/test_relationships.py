"""Rows that are held by keys and relationships come back together, and take no others along."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, Target
from tests.unit.engine.repair.cases import NOBODY, SOUND, Case, case_of_related, content, told, versions
from tests.unit.load.walk import column, key, plan_of, reference, rows, source, table


@pytest.mark.parametrize(
    ("statement", "counts"),
    [
        (
            "delete from child where parent = 2; delete from parent where id = 2",
            {"parent": (0, 1, 0), "child": (0, 2, 0)},
        ),
        (NOBODY + "delete from parent where id = 2", {"parent": (0, 1, 0)}),
        (
            "insert into parent values (9, 'i'); insert into child values (90, 9);"
            " update child set parent = 9 where id = 10",
            {"parent": (0, 0, 1), "child": (1, 0, 1)},
        ),
        # Two hold each other's unique value: no order of single statements brings them back.
        (
            "update parent set name = 'z' where id = 1; update parent set name = 'a' where id = 2;"
            " update parent set name = 'b' where id = 1",
            {"parent": (2, 0, 0)},
        ),
        # An extra row holds the value that a missing one needs.
        (
            "update child set parent = 3 where parent = 2; update parent set id = 9 where id = 2",
            {"parent": (0, 1, 1), "child": (2, 0, 0)},
        ),
    ],
)
def test_parents_and_children_come_back_together(
    database: Target, connection: Connection, tmp_path: Path, statement: str, counts: dict[str, object]
) -> None:
    case = case_of_related(database, tmp_path)
    connection.execute(statement)  # type: ignore[call-overload]
    connection.execute("set session_replication_role = default")
    assert told(case.repair()) == []
    assert case.repaired() == counts
    assert content(connection) == SOUND
    with pytest.raises(Exception, match="foreign key"):
        connection.execute("insert into child values (91, 91)")


def test_a_key_that_was_changed_with_its_children_comes_back(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = case_of_related(database, tmp_path, on_update="cascade", on_delete="cascade")
    connection.execute("update parent set id = 9 where id = 2")
    assert rows(connection, "select id from child where parent = 9 order by 1") == [(20,), (30,)]
    assert told(case.repair()) == []
    assert content(connection) == SOUND


@pytest.mark.parametrize("action", ["cascade", "set null"])
def test_rows_that_are_to_stay_do_not_go_with_an_extra_one(
    database: Target, connection: Connection, tmp_path: Path, action: str
) -> None:
    case = case_of_related(database, tmp_path, on_delete=action)
    connection.execute("create table note (parent integer references parent on delete cascade, text text)")
    connection.execute("insert into parent values (9, 'i'); insert into note values (9, 'kept')")
    with pytest.raises(TargetError, match="note_parent_fkey, 1 rows of note that are to stay would go"):
        case.repair()
    assert rows(connection, "select text from note") == [("kept",)]
    assert rows(connection, "select id from parent where id > 3") == [(9,)]
    assert not [*tmp_path.glob("fix/*")], "nothing was done, and no file says otherwise"


@pytest.mark.parametrize("action", ["cascade", "set null"])
def test_rows_that_are_to_stay_do_not_change_with_a_rewritten_one(
    database: Target, connection: Connection, tmp_path: Path, action: str
) -> None:
    case = case_of_related(database, tmp_path)
    connection.execute("update parent set name = 'x' where id = 1")
    connection.execute(f"create table note (name varchar(9) references parent (name) on update {action})")  # type: ignore[call-overload]
    connection.execute("insert into note values ('b')")
    copy = versions(connection, "note")
    case.repair(run_id="one")
    assert versions(connection, "note") == copy, "it names another row"
    connection.execute("update parent set name = 'x' where id = 1; insert into note values ('x')")
    with pytest.raises(TargetError, match=r"note_name_fkey, 1 rows of note .* with rows that are updated"):
        case.repair()
    assert sorted(rows(connection, "select name from note")) == [("b",), ("x",)]


def test_relationships_that_may_be_checked_late_are_checked_before_the_commit(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = case_of_related(database, tmp_path)
    connection.execute("alter table child alter constraint child_parent_fkey deferrable initially deferred")
    connection.execute("alter table child alter constraint child_parent_fkey deferrable")
    connection.execute("create table note (parent integer references parent deferrable initially deferred)")
    connection.execute("insert into parent values (9, 'i'); insert into note values (9)")
    connection.execute("update parent set name = 'z' where id = 1; update parent set name = 'a' where id = 2")
    with pytest.raises(TargetError, match=r"refused: .*note_parent_fkey") as error:
        case.repair()
    assert error.value.hint
    connection.execute("delete from note")
    assert told(case.repair()) == []
    assert content(connection) == SOUND


def test_rows_that_would_have_to_go_for_a_while_do_not_take_others_along(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = case_of_related(database, tmp_path, on_delete="cascade")
    connection.execute("update parent set name = 'z' where id = 1; update parent set name = 'a' where id = 2")
    connection.execute("update parent set name = 'b' where id = 1")
    before = content(connection)
    with pytest.raises(TargetError, match="rows of child that are to stay"):
        case.repair()
    assert content(connection) == before


def other_columns(connection: Connection) -> None:
    """What an application adds to a table of ours."""
    connection.execute("alter table parent add phone text; update parent set phone = '010-' || id")


def test_what_others_keep_in_columns_of_their_own_is_not_lost_to_a_swap(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = case_of_related(database, tmp_path)
    other_columns(connection)
    connection.execute("update parent set name = 'z' where id = 1; update parent set name = 'a' where id = 2")
    connection.execute("update parent set name = 'b' where id = 1; update child set parent = 3 where id = 10")
    before = content(connection)
    with pytest.raises(TargetError, match=r"parent_name_key.* what stands in phone, .* would be lost") as error:
        case.repair()
    assert error.value.hint
    assert content(connection) == before
    connection.execute(
        "alter table parent drop constraint if exists parent_name_key; drop index if exists parent_name_key"
    )
    case.repair()
    assert rows(connection, "select name, phone from parent order by id") == [
        ("a", "010-1"), ("b", "010-2"), ("c", "010-3"),
    ]  # fmt: skip


def test_rows_of_one_table_that_name_each_other_come_back(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    tree = table("tree", (column("id"), column("up")), key("id"), references=(reference("up", "tree"),))
    made = source({tree: [(1, None), (2, 1), (3, 2), (4, 3)]})
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("insert into tree values (9, 4); update tree set up = 9 where id = 2")
    connection.execute("delete from tree where id in (3, 4, 9, 2); insert into tree values (2, null), (8, 2)")
    assert told(case.repair()) == []
    assert case.repaired() == {"tree": (1, 2, 1)}
