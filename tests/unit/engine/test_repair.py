"""A target that was corrupted is what its source has again, and no other row was touched."""

from __future__ import annotations

import csv
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from pydantic import SecretStr

from pipeline.catalog import Table
from pipeline.engine.plan import Plan
from pipeline.engine.repair import Repair, differing_tables
from pipeline.engine.replay import replay
from pipeline.engine.saved import file_name
from pipeline.engine.summary import verify_plan
from pipeline.errors import LockedError, MappingError, NaruError, SourceChanged, TargetError, UsageError
from pipeline.ledger import lock
from pipeline.ledger.verification import recorded_verification
from pipeline.outcome import Finding, Repaired
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run
from pipeline.verify import amendment
from tests.frames import FrameSource
from tests.unit.engine.test_unordered import Unordered
from tests.unit.load.walk import (
    column,
    key,
    make_by_hand,
    mapping_of,
    migrate,
    plan_of,
    reference,
    retyped,
    rows,
    source,
    table,
)

ITEM = table("item", (column("id"), column("code", "Text(9)"), column("price", "Currency")), key("id"))
LOOSE = table("loose", (column("a", "Memo"), column("b"), column("c")))
PARENT = table("parent", (column("id"), column("name", "Text(9)")), key("id"), key("name", primary=False))
CHILD = table("child", (column("id"), column("parent")), key("id"), references=(reference("parent", "parent"),))
NOBODY = "set session_replication_role = replica; "
"""Corruption goes past the relationships, as a restore or a superuser may."""


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


class Case:
    """A migrated source, and what a user does with it."""

    def __init__(self, source: FrameSource, plan: Plan, database: Target, directory: Path) -> None:
        self.source, self.plan, self.database, self.directory = source, plan, database, directory
        self.planned: list[Repaired] = []
        migrate(source, plan, database)

    def verify(self) -> list[tuple[str, str, str]]:
        with connect(self.database, application_name="t", autocommit=True) as connection:
            return _told(verify_plan(connection, self.plan, self.source))

    def repair(self, *, run_id: str = "fix", plan: Plan | None = None, target: Target | None = None) -> list[Finding]:
        with connect(target or self.database, application_name="t", autocommit=True) as connection:
            tables = differing_tables(verify_plan(connection, plan or self.plan, self.source))
            run = Run(run_id, "repair", "frames", self.source.fingerprint().digest, "m", "0")
            directory = self.directory / run_id
            repair = Repair(connection, plan or self.plan, self.source, run, tables, directory, self.agree)
            findings, _ = repair.execute()
            return list(findings)

    def agree(self, planned: Sequence[Repaired]) -> None:
        self.planned = list(planned)

    def repaired(self) -> dict[str, tuple[int, int, int]]:
        return {one.table: (one.rewritten, one.inserted, one.deleted) for one in self.planned}

    def saved(self, table: str, run_id: str = "fix") -> list[list[str]]:
        with (self.directory / run_id / f"repaired-{table}.csv").open(encoding="utf-8", newline="") as file:
            return [[row[0], *row[2:]] for row in csv.reader(file)]


def _told(findings: Sequence[Finding]) -> list[tuple[str, str, str]]:
    return [(f.table, f.subject, f.detail) for f in findings if not f.allowed]


def given() -> FrameSource:
    return source(
        {
            ITEM: [(n, f"c{n}", Decimal(n) / 4) for n in range(1, 9)],
            LOOSE: [("x", 1, 1), ("x", 1, 1), ("y", 2, None), ("", None, 3), (None, 5, 5)],
        }
    )


def versions(connection: Connection, table: str) -> dict[object, tuple[object, ...]]:
    """The physical row, and who wrote it, of each."""
    return {where: (xmin, row) for where, xmin, row in rows(connection, f"select ctid, xmin, t::text from {table} t")}


def keep_in_place(connection: Connection, table: str) -> None:
    """No row may go, not even to come again."""
    connection.execute(
        f"""create function stay() returns trigger language plpgsql as $$ begin raise 'it has to stay'; end $$;
        create trigger stay before delete on {table} for each row execute function stay()"""  # type: ignore[call-overload]
    )


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
    assert _told(done) == []
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


def test_what_was_overwritten_is_kept_and_is_the_owners_alone(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = '', price = null where id = 2; delete from item where id = 3")
    connection.execute("insert into item values (99, 'theirs', 5)")
    case.repair()
    assert sorted(case.saved("item")) == [
        ["_naru_repair", "id", "code", "price"],
        ["deleted", "99", "theirs", "5.0000"],
        ["inserted", "3", "c3", "0.7500"],
        ["rewritten", "2", "", ""],
    ]
    path = tmp_path / "fix" / "repaired-item.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    connection.execute("create temp table was (naru_repair text, naru_place text, like item)")
    with connection.cursor().copy("copy was from stdin with (format csv, header)") as copy:
        copy.write(path.read_bytes())
    assert rows(connection, "select code, price from was where id = 2") == [("", None)], "NULL is not the empty text"
    assert not (tmp_path / "fix" / "repaired-loose.csv").exists(), "nothing was done to it"


@pytest.mark.skipif(os.name != "posix", reason="a directory is opened")
def test_what_was_overwritten_outlives_a_power_cut(
    database: Target, connection: Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    synced: list[str] = []
    fsync = os.fsync

    def noted(number: int) -> None:
        synced.append(Path(f"/proc/self/fd/{number}").readlink().name if Path("/proc").exists() else "")
        fsync(number)

    monkeypatch.setattr(os, "fsync", noted)
    case.repair()
    assert synced in (["repaired-item.csv", "fix", tmp_path.name], [""] * 3)


def test_the_way_back_that_the_page_shows_is_one(database: Target, connection: Connection, tmp_path: Path) -> None:
    items = table("items", (column("item_id", identity=True), column("note", "Memo")), key("item_id"))
    made = source({items: [(1, "a"), (2, None), (3, ""), (4, "d")]})
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("update items set note = %s where item_id = 1", ['\r\n,"'])
    connection.execute("update items set note = '' where item_id = 2")
    connection.execute("delete from items where item_id = 4; insert into items values (9, 'NULL')")
    corrupt = rows(connection, "select * from items order by 1")
    case.repair()
    assert rows(connection, "select * from items order by 1") != corrupt
    page = (Path(__file__).parents[3] / "docs" / "repair.md").read_text("utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    before, copy, after = re.split(r"^(\\copy .*)$", block, flags=re.MULTILINE)
    connection.execute(before)  # type: ignore[call-overload]
    path = tmp_path / "fix" / "repaired-items.csv"
    with connection.cursor().copy(re.sub(r"\\(copy was from )\S+( .*)", r"\1stdin\2", copy)) as sent:
        sent.write(path.read_bytes())
    connection.execute(after)  # type: ignore[call-overload]
    assert rows(connection, "select * from items order by 1") == corrupt


def test_the_ledger_says_what_was_done(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("delete from item where id = 2")
    case.repair()
    run = rows(
        connection, "select run_id, command, state, finished_at >= started_at from _naru.run where run_id <> 'r1'"
    )
    assert run == [("fix", "repair", "done", True)]
    verification = recorded_verification(connection, "fix")
    assert verification is not None
    ((note, *rest),) = [verification.findings]
    assert rest == []
    assert (note.verifier, note.table, note.count, note.allowed) == ("repair", "item", 1, True)
    assert note.detail.startswith("0 rows rewritten, 1 inserted, 0 deleted; as they were: ")


def test_losses_of_rewritten_rows_are_what_the_mapping_says_again(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    made = given()
    plan = plan_of(made, retyped(mapping_of(made), "item", "price", type="numeric(9,1)", round=True))
    case = Case(made, plan, database, tmp_path)
    losses = "select locator, target_column, rule, before, after from _naru.loss order by 1, 2"
    before = rows(connection, losses)
    assert len(before) == 4
    connection.execute("update item set price = 8 where id in (1, 3); delete from item where id = 2")
    connection.execute("delete from _naru.loss where locator = 0")
    connection.execute("update _naru.loss set after = 'wrong' where locator = 2")
    case.repair()
    assert rows(connection, losses) == before
    assert rows(connection, "select run_id, count(*) from _naru.loss group by 1 order by 1") == [("fix", 2), ("r1", 2)]


def test_rows_that_come_in_another_order_each_time(database: Target, connection: Connection, tmp_path: Path) -> None:
    frame = pl.concat([given().frames["loose"]] * 20)
    made = Unordered(source({LOOSE: []}).tables, {"loose": frame})
    plan = plan_of(made, retyped(mapping_of(made), "loose", "a", trim="both", empty_to_null=True))
    case = Case(made, plan, database, tmp_path)
    losses = rows(connection, "select target_column, rule, count(*) from _naru.loss group by 1, 2")
    assert losses == [("a", "empty_to_null", 20)]
    connection.execute("update loose set c = 7 where b = 5; delete from loose where a = 'y'")
    connection.execute("insert into loose values ('x', 1, 1)")
    assert _told(case.repair()) == []
    assert rows(connection, "select a, b, c, count(*) from loose group by 1, 2, 3 order by 1, 2") == [
        ("x", 1, 1, 40), ("y", 2, None, 20), (None, 5, 5, 20), (None, None, 3, 20),
    ]  # fmt: skip
    assert rows(connection, "select target_column, rule, count(*) from _naru.loss group by 1, 2") == losses


# -- keys and relationships


def related() -> FrameSource:
    return source({PARENT: [(1, "a"), (2, "b"), (3, "c")], CHILD: [(10, 1), (20, 2), (30, 2), (40, None)]})


def case_of_related(database: Target, directory: Path, **actions: str) -> Case:
    made = related()
    mapping = mapping_of(made)
    keys = tuple(key.model_copy(update=actions) for key in mapping.tables["child"].foreign_keys)
    child = mapping.tables["child"].model_copy(update={"foreign_keys": keys})
    mapping = mapping.model_copy(update={"tables": {**mapping.tables, "child": child}})
    return Case(made, plan_of(made, mapping), database, directory)


SOUND = {"parent": [(1, "a"), (2, "b"), (3, "c")], "child": [(10, 1), (20, 2), (30, 2), (40, None)]}


def content(connection: Connection) -> dict[str, list[tuple[object, ...]]]:
    return {name: rows(connection, f"select * from {name} order by id") for name in SOUND}


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
    assert _told(case.repair()) == []
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
    assert _told(case.repair()) == []
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
    assert _told(case.repair()) == []
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
    assert _told(case.repair()) == []
    assert rows(connection, "select * from numbered order by id") == [(1, 10, 20), (2, 20, 40), (5, 50, 100)]
    assert rows(connection, "insert into numbered (n) values (6) returning id") == [(6,)]


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


def test_a_row_that_goes_is_kept_whole_and_in_the_order_of_its_table(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    connection.execute("create table item (phone text, price numeric(19,4), code varchar(9), id integer primary key)")
    made = given()
    plan = plan_of(made, mapping_of(made, {"item": {"load": "replace"}}))
    case = Case(made, plan, database, tmp_path)
    connection.execute("insert into item values ('010', 5, 'theirs', 99); delete from item where id = 3")
    assert _told(case.repair()) == []
    assert sorted(case.saved("item")) == [
        ["_naru_repair", "phone", "price", "code", "id"],
        ["deleted", "010", "5.0000", "theirs", "99"],
        ["inserted", "", "0.7500", "c3", "3"],
    ]


def test_rows_of_tables_that_inherit_from_ours_stay(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("create table item_old (why text) inherits (item)")
    connection.execute("insert into item_old values (100, 'o', 1, 'theirs'); update item set code = 'x' where id = 2")
    with pytest.raises(TargetError, match=r"item: 1 of its rows .* stand in item_old, which inherits from it") as error:
        case.repair()
    assert error.value.hint
    connection.execute("alter table item_old no inherit item")
    assert _told(case.repair()) == []
    assert rows(connection, "select id, why from item_old") == [(100, "theirs")]


def test_rows_of_one_table_that_name_each_other_come_back(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    tree = table("tree", (column("id"), column("up")), key("id"), references=(reference("up", "tree"),))
    made = source({tree: [(1, None), (2, 1), (3, 2), (4, 3)]})
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("insert into tree values (9, 4); update tree set up = 9 where id = 2")
    connection.execute("delete from tree where id in (3, 4, 9, 2); insert into tree values (2, null), (8, 2)")
    assert _told(case.repair()) == []
    assert case.repaired() == {"tree": (1, 2, 1)}


# -- tables of others, and the quarantine


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
    assert _told(case.repair()) == left
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
    assert _told(case.repair()) == [left, ("item", "extra rows", "1, id=71")]
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
    assert {subject for _, subject, _ in _told(case.repair())} == left
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
    assert _told(case.repair(plan=lenient)) == []
    assert rows(connection, "select id, code from item order by id") == [(1, "a"), (2, "none"), (3, "c")]
    migrate(made, lenient, database, run_id="r2")


# -- refused before anything is read


def test_another_source_or_mapping_is_refused(database: Target, connection: Connection, tmp_path: Path) -> None:
    made = given()
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("update item set code = 'x'")
    other = plan_of(made, retyped(mapping_of(made), "item", "code", trim="end"))
    with pytest.raises(MappingError, match="mapping of table item has changed"):
        case.repair(plan=other)
    made.frames = {**made.frames, "loose": made.frames["loose"].head(1)}
    with pytest.raises(SourceChanged, match="changed since run r1 loaded table item"):
        case.repair()


def test_a_source_that_is_written_to_meanwhile_is_refused(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    made = given()
    case = Case(made, plan_of(made), database, tmp_path)
    connection.execute("update item set code = 'x'")
    frames = made.frames

    def change(_: Sequence[Repaired]) -> None:
        made.frames = {**frames, "loose": frames["loose"].head(1)}

    case.agree = change  # type: ignore[method-assign]
    with pytest.raises(SourceChanged, match="was written to since the repair began"):
        case.repair()
    assert rows(connection, "select count(*) from item where code = 'x'") == [(8,)]


def test_a_no_is_the_end_of_it(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x'")

    def no(_: Sequence[Repaired]) -> None:
        raise UsageError("no")

    case.agree = no  # type: ignore[method-assign]
    with pytest.raises(UsageError):
        case.repair()
    assert rows(connection, "select count(*) from item where code = 'x'") == [(8,)]
    assert rows(connection, "select run_id from _naru.run") == [("r1",)]


def test_a_row_that_others_change_meanwhile_is_not_overwritten(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")

    def meanwhile(_: Sequence[Repaired]) -> None:
        connection.execute("update item set code = 'newer' where id = 1")

    case.agree = meanwhile  # type: ignore[method-assign]
    with pytest.raises(TargetError, match="could not serialize access") as error:
        case.repair()
    assert "run again" in (error.value.hint or "")
    assert rows(connection, "select code from item where id = 1") == [("newer",)]


def test_one_repair_at_a_time(database: Target, connection: Connection, tmp_path: Path) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    lock.acquire(connection)
    with pytest.raises(LockedError):
        case.repair()


@pytest.mark.parametrize("may", ["select", "select, update, insert, delete"])
def test_a_role_that_may_not_write_ends_in_our_error(
    database: Target, connection: Connection, tmp_path: Path, may: str
) -> None:
    case = Case(given(), plan_of(given()), database, tmp_path)
    connection.execute("update item set code = 'x' where id = 1")
    connection.execute("drop role if exists reader")
    connection.execute("create role reader login password 'reads'")
    try:
        connection.execute(
            "grant usage on schema public, _naru to reader; grant select on all tables in schema public to reader"
        )
        connection.execute(f"grant {may} on all tables in schema _naru to reader")  # type: ignore[call-overload]
        with pytest.raises(NaruError, match="permission denied") as error:
            case.repair(target=replace(database, user="reader", password=SecretStr("reads")))
        assert "grant" in (error.value.hint or "")
        assert rows(connection, "select code from item where id = 1") == [("x",)]
    finally:
        connection.execute("drop owned by reader; drop role reader")


def test_names_of_tables_are_names_of_files_of_their_own() -> None:
    names = ["item", "Item", "ITEM", "품목", "a/b", "a\\b", "..", "../../x", "con\n", "a_b", "x" * 63]
    made = [file_name(Table(name, ())) for name in names]
    assert len({name.casefold() for name in made}) == len(names)
    assert made[3] == "repaired-품목.csv"
    assert all(Path(name).name == name for name in made)
