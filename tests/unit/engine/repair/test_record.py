"""What a repair did is told by the ledger, and what it overwrote is kept in a file."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

import pytest

from pipeline.catalog import Table
from pipeline.engine.saved import file_name
from pipeline.ledger.verification import recorded_verification
from pipeline.postgres.connect import Connection, Target
from tests.unit.engine.repair.cases import Case, given, told
from tests.unit.load.walk import column, key, mapping_of, plan_of, retyped, rows, source, table


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
    page = (Path(__file__).parents[4] / "docs" / "repair.md").read_text("utf-8")
    (block,) = re.findall(r"```sql\n(.*?)```", page, re.DOTALL)
    before, copy, after = re.split(r"^(\\copy .*)$", block, flags=re.MULTILINE)
    connection.execute(before)  # type: ignore[call-overload]
    path = tmp_path / "fix" / "repaired-items.csv"
    with connection.cursor().copy(re.sub(r"\\(copy was from )\S+( .*)", r"\1stdin\2", copy)) as sent:
        sent.write(path.read_bytes())
    connection.execute(after)  # type: ignore[call-overload]
    assert rows(connection, "select * from items order by 1") == corrupt


def test_a_row_that_goes_is_kept_whole_and_in_the_order_of_its_table(
    database: Target, connection: Connection, tmp_path: Path
) -> None:
    connection.execute("create table item (phone text, price numeric(19,4), code varchar(9), id integer primary key)")
    made = given()
    plan = plan_of(made, mapping_of(made, {"item": {"load": "replace"}}))
    case = Case(made, plan, database, tmp_path)
    connection.execute("insert into item values ('010', 5, 'theirs', 99); delete from item where id = 3")
    assert told(case.repair()) == []
    assert sorted(case.saved("item")) == [
        ["_naru_repair", "phone", "price", "code", "id"],
        ["deleted", "010", "5.0000", "theirs", "99"],
        ["inserted", "", "0.7500", "c3", "3"],
    ]


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


def test_names_of_tables_are_names_of_files_of_their_own() -> None:
    names = ["item", "Item", "ITEM", "품목", "a/b", "a\\b", "..", "../../x", "con\n", "a_b", "x" * 63]
    made = [file_name(Table(name, ())) for name in names]
    assert len({name.casefold() for name in made}) == len(names)
    assert made[3] == "repaired-품목.csv"
    assert all(Path(name).name == name for name in made)
