"""What was corrupted is what its source has again, and no other row was touched."""

from __future__ import annotations

import csv
from pathlib import Path

import polars as pl
import pytest

from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection, Target
from pipeline.verify import amendment
from tests.unit.engine.repair.cases import ITEM, LOOSE, Case, given, keep_in_place, told, versions
from tests.unit.engine.test_unordered import Unordered
from tests.unit.load.walk import column, key, mapping_of, plan_of, retyped, rows, source, table

CORRUPTIONS = {
    "a cell": ("item", "update item set code = 'other' where id = 3", (1, 0, 0)),
    "a cell that is lost": ("item", "update item set price = null where id = 3", (1, 0, 0)),
    "a row that is gone": ("item", "delete from item where id = 4", (0, 1, 0)),
    "a row too many": ("item", "insert into item values (77, 'new', 1)", (0, 0, 1)),
    "two cells swapped": (
        "item",
        "update item set code = case id when 1 then 'c2' else 'c1' end where id < 3",
        (2, 0, 0),
    ),
    "two columns in two rows": (
        "item",
        "update item set code = null where id = 1; update item set price = 9 where id = 2",
        (2, 0, 0),
    ),
    "another key": ("item", "update item set id = 70 where id = 7", (0, 1, 1)),
    "all at once": (
        "item",
        "delete from item where id = 1; update item set code = '' where id = 2;"
        " insert into item values (9, null, null)",
        (1, 1, 1),
    ),
    "doubled, without a key": ("loose", "insert into loose values ('y', 2, null)", (0, 0, 1)),
    "tripled, without a key": ("loose", "insert into loose values ('x', 1, 1)", (0, 0, 1)),
    "a cell, without a key": ("loose", "update loose set c = 4 where a = ''", (1, 0, 0)),
    "gone, without a key": ("loose", "delete from loose where a is null", (0, 1, 0)),
    "one of two": ("loose", "delete from loose where ctid = (select min(ctid) from loose where a = 'x')", (0, 1, 0)),
    "empty": ("loose", "truncate loose", (0, 5, 0)),
}


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_what_was_corrupted_is_what_it_was_and_no_other_row_is_touched(
    database: Target, connection: Connection, tmp_path: Path, corruption: str
) -> None:
    name, statement, counts = CORRUPTIONS[corruption]
    case = Case(given(), plan_of(given()), database, tmp_path)
    content = sorted(rows(connection, f"select t::text from {name} t"))
    other = versions(connection, "loose" if name == "item" else "item")
    sound = versions(connection, name)
    connection.execute(statement)  # type: ignore[call-overload]
    untouched = sound.items() & versions(connection, name).items()
    assert case.verify() != []
    if not counts[2]:
        keep_in_place(connection, name)
    done = case.repair()
    assert told(done) == []
    assert case.verify() == []
    assert case.repaired() == {name: counts}
    assert sorted(rows(connection, f"select t::text from {name} t")) == content
    assert untouched <= versions(connection, name).items()
    assert versions(connection, "loose" if name == "item" else "item") == other


def test_of_equal_rows_the_last_one_goes(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("insert into loose values ('x', 1, 1)")
    ((last,),) = rows(connection, "select max(ctid)::text from loose where a = 'x'")
    case.repair()
    with (tmp_path / "fix" / "repaired-loose.csv").open(encoding="utf-8", newline="") as file:
        assert [*csv.reader(file)][1:] == [["deleted", last, "x", "1", "1"]]


def test_many_differences_are_repaired_group_by_group(
    database: Target, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(amendment, "_CELLS_AT_ONCE", 300)
    given = source({ITEM: [(n, f"c{n}", None) for n in range(500)]})
    case = Case(given, plan_of(given), database, tmp_path)
    connection.execute("update item set code = id where id % 2 = 0; delete from item where id % 5 = 1")
    keep_in_place(connection, "item")
    case.repair()
    assert case.repaired() == {"item": (200, 100, 0)}
    assert case.verify() == []


def test_values_come_whole(database: Target, connection: Connection, tmp_path: Path) -> None:
    long = table("long", (column("id"), column("note", "Memo")), key("id"))
    notes = ["가" * 5000, "a\r\nb\"c\\N'", "", None]
    given = source({long: [*enumerate(notes)]})
    case = Case(given, plan_of(given), database, tmp_path)
    connection.execute("update long set note = 'short'")
    case.repair()
    assert rows(connection, "select note from long order by id") == [(note,) for note in notes]


def test_rows_that_come_in_another_order_each_time(database: Target, connection: Connection, tmp_path: Path) -> None:
    frame = pl.concat([given().frames["loose"]] * 20)
    made = Unordered(source({LOOSE: []}).tables, {"loose": frame})
    plan = plan_of(made, retyped(mapping_of(made), "loose", "a", trim="both", empty_to_null=True))
    case = Case(made, plan, database, tmp_path)
    losses = rows(connection, "select target_column, rule, count(*) from _naru.loss group by 1, 2")
    assert losses == [("a", "empty_to_null", 20)]
    connection.execute("update loose set c = 7 where b = 5; delete from loose where a = 'y'")
    connection.execute("insert into loose values ('x', 1, 1)")
    assert told(case.repair()) == []
    assert rows(connection, "select a, b, c, count(*) from loose group by 1, 2, 3 order by 1, 2") == [
        ("x", 1, 1, 40), ("y", 2, None, 20), (None, 5, 5, 20), (None, None, 3, 20),
    ]  # fmt: skip
    assert rows(connection, "select target_column, rule, count(*) from _naru.loss group by 1, 2") == losses


def test_a_row_that_no_constraint_takes_is_an_error_and_nothing_is_done(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("delete from item where id < 3; alter table item add check (code <> 'c2'); truncate loose")
    with pytest.raises(TargetError, match=r"refused: .*item_code_check") as error:
        case.repair()
    assert error.value.hint
    assert rows(connection, "select count(*), (select count(*) from loose) from item") == [(6, 0)]
    assert rows(connection, "select count(*) from _naru.run where run_id = 'fix'") == [(0,)]


def test_a_trigger_that_changes_what_is_written_is_an_error(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    connection.execute(
        """create function spoil() returns trigger language plpgsql as $$ begin new.price = 7; return new; end $$;
        create trigger spoil before update on item for each row execute function spoil()"""
    )
    with pytest.raises(TargetError, match="item still differs when it is repaired, price"):
        case.repair()
    assert rows(connection, "select code from item where id = 1") == [("x",)]
    connection.execute(
        """create or replace function spoil() returns trigger language plpgsql as $$ begin return null; end $$"""
    )
    with pytest.raises(TargetError, match="item: 0 rows of 1 were rewritten"):
        case.repair()


def test_generated_columns_and_identities_are_left_to_postgresql(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    numbered = table("numbered", (column("id", identity=True), column("n"), column("twice")), key("id"))
    made = source({numbered: [(1, 10, None), (2, 20, None), (5, 50, None)]})
    plan = plan_of(made, retyped(mapping_of(made), "numbered", "twice", generated="n * 2"))
    case = Case(made, plan, database, tmp_path)
    connection.execute("alter table numbered alter id set generated always")
    connection.execute("update numbered set n = 11 where id = 1; delete from numbered where id = 5")
    connection.execute("alter sequence numbered_id_seq restart with 2")
    assert told(case.repair()) == []
    assert rows(connection, "select * from numbered order by id") == [(1, 10, 20), (2, 20, 40), (5, 50, 100)]
    assert rows(connection, "insert into numbered (n) values (6) returning id") == [(6,)]
