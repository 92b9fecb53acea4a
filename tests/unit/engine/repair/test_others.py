"""Rows of others stay, and so does what waits in the quarantine."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.engine.replay import replay
from pipeline.errors import MappingError, TargetError
from pipeline.postgres.connect import Connection, Target, connect
from tests.unit.engine.repair.cases import ITEM, Case, given, told
from tests.unit.load.walk import make_by_hand, mapping_of, migrate, plan_of, retyped, rows, source


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_rows_of_others_stay(database: Target, connection: Connection, tmp_path: Path, mode: str) -> None:
    made = given()
    plan = plan_of(made, mapping_of(made, {"item": {"load": mode}}))
    make_by_hand(connection, plan)
    connection.execute("insert into item values (70, 'theirs', 1)")
    case = Case(made, plan, database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1; delete from item where id = 2")
    connection.execute("insert into item values (71, 'theirs', 1)")
    left = [("item", "rows", "the target should hold 9 rows and holds 10")]
    assert told(case.repair()) == left
    assert case.repaired() == {"item": (1, 1, 0)}
    assert rows(connection, "select id from item where code = 'theirs' order by id") == [(70,), (71,)]


def test_extra_rows_of_a_table_that_may_be_shared_stay_and_are_told(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    made = given()
    plan = plan_of(made)
    make_by_hand(connection, plan)
    case = Case(made, plan, database, tmp_path)
    connection.execute("insert into item values (71, 'theirs', 1); delete from item where id = 2")
    left = ("item", "rows", "the target should hold 8 rows and holds 9")
    assert told(case.repair()) == [left, ("item", "extra rows", "1, id=71")]
    assert case.repaired() == {"item": (0, 1, 0)}


def test_among_rows_of_others_without_a_key_nothing_is_guessed(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    made = given()
    plan = plan_of(made)
    make_by_hand(connection, plan)
    case = Case(made, plan, database, tmp_path)
    connection.execute("update loose set c = 4 where a = ''")
    with pytest.raises(TargetError, match="loose holds rows of others, and no key tells"):
        case.repair()


def test_rows_of_tables_that_inherit_from_ours_stay(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("create table item_old (why text) inherits (item)")
    connection.execute("insert into item_old values (100, 'o', 1, 'theirs'); update item set code = 'x' where id = 2")
    with pytest.raises(TargetError, match=r"item: 1 of its rows .* stand in item_old, which inherits from it") as error:
        case.repair()
    assert error.value.hint
    connection.execute("alter table item_old no inherit item")
    assert told(case.repair()) == []
    assert rows(connection, "select id, why from item_old") == [(100, "theirs")]


def test_a_place_is_one_of_a_partition(database: Target, connection: Connection, tmp_path: Path) -> None:
    connection.execute(
        """create table item (id integer primary key, code varchar(9), price numeric(19,4)) partition by range (id);
        create table low partition of item for values from (minvalue) to (5);
        create table high partition of item for values from (5) to (maxvalue)"""
    )
    case = Case(given(), plan_of(given()), database, tmp_path)
    content = rows(connection, "select * from item order by id")
    connection.execute("update item set code = 'x' where id in (1, 6); delete from item where id = 7")
    connection.execute("update item set id = 40 where id = 4")
    left = {"rows", "extra rows"}
    assert {subject for _, subject, _ in told(case.repair())} == left
    assert rows(connection, "select * from item where id <> 40 order by id") == content


def test_the_quarantine_is_not_rewritten(database: Target, connection: Connection, tmp_path: Path) -> None:
    made = source({ITEM: [(1, "a", None), (1, "b", None), (2, "c", None)]})
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    case.repair(run_id="one")
    assert rows(connection, "select id, code from item order by id") == [(1, "a"), (2, "c")]
    connection.execute("""update _naru.reject set row_values = replace(row_values::text, '"b"', '"y"')::json""")
    with pytest.raises(TargetError, match="1 rows that wait in the quarantine"):
        case.repair()


def test_what_was_replayed_is_repaired_by_the_mapping_that_brought_it(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    made = source({ITEM: [(1, "a", None), (2, None, None), (3, "c", None)]})
    strict = plan_of(made, retyped(mapping_of(made), "item", "code", required=True))
    lenient = plan_of(made, retyped(mapping_of(made), "item", "code", required=True, default="none"))
    case = Case(made, strict, database, tmp_path)
    with connect(database, application_name="t", autocommit=True) as replaying:
        assert replay(replaying, lenient) == (1, 0)
    connection.execute("update item set code = 'x' where id = 1")
    with pytest.raises(MappingError, match="mapping of table item has changed"):
        case.repair()  # it refuses row 2, which would go and wait nowhere
    assert told(case.repair(plan=lenient)) == []
    assert rows(connection, "select id, code from item order by id") == [(1, "a"), (2, "none"), (3, "c")]
    migrate(made, lenient, database, run_id="r2")
