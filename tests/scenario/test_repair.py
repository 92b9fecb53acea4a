"""`verify --repair` as a user has it: the question, cron, a kill in the midst, and what stands in the report after."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.postgres.connect import Connection, Target, connect
from tests.scenario.conftest import Naru


@pytest.fixture
def connection(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


def corrupt(connection: Connection) -> None:
    connection.execute("update items set 품목명 = 'x' where ctid in (select ctid from items limit 3)")
    connection.execute("delete from audit_logs where ctid in (select ctid from audit_logs limit 2)")


def whole(connection: Connection, table: str) -> list[tuple[object, ...]]:
    return connection.execute(f"select t::text from {table} t order by 1").fetchall()  # type: ignore[arg-type]


def test_a_repair_is_told_done_and_reported(naru: Naru, sample: Path, connection: Connection) -> None:
    naru("migrate", sample)
    before = {table: whole(connection, table) for table in ("items", "audit_logs")}
    corrupt(connection)
    said = naru("verify", sample, "--repair", "--yes")
    assert "to repair: items: 3 rows rewritten, 0 inserted, 0 deleted" in said
    assert "to repair: audit_logs: 0 rows rewritten, 2 inserted, 0 deleted" in said
    assert said.index("verification found") < said.index("to repair") < said.index("verified: no findings")
    assert {table: whole(connection, table) for table in before} == before
    (path,) = naru.directory.glob("logs/*/repaired-items.csv")
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["품목명"] for row in csv.DictReader(file)] == ["x"] * 3
    assert "no findings" in naru("verify", sample)
    assert re.search(rf"{path.parent.name}\s+repair\s+\S+\s+done", naru("status"))
    shown = json.loads(naru("report", path.parent.name, "--json"))
    assert [(f["verifier"], f["table"], f["count"]) for f in shown["findings"]] == [
        ("repair", "audit_logs", 2),
        ("repair", "items", 3),
    ]
    assert shown["standing"] == "complete"
    assert "proof of every cell: logs/" in said
    assert "the ledger of the target has the same sha256" in naru("verify", "--proof", path.parent / "proof.json")


def test_nothing_is_asked_where_nothing_differs(naru: Naru, sample: Path, connection: Connection) -> None:
    naru("migrate", sample)
    assert "no findings" in naru("verify", sample, "--repair")
    assert connection.execute("select count(*) from _naru.run where command = 'repair'").fetchone() == (0,)


def test_without_a_terminal_it_needs_a_yes(naru: Naru, sample: Path, connection: Connection) -> None:
    naru("migrate", sample)
    corrupt(connection)
    said = naru("verify", sample, "--repair", code=2)
    assert "to repair: items: 3 rows" in said
    assert "say --yes" in said
    assert "leave out --level" in naru("verify", sample, "--repair", "--level", "keys", code=2)
    assert connection.execute("select count(*) from items where 품목명 = 'x'").fetchone() == (3,)
    assert not [*naru.directory.glob("logs/*/repaired-*")]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal of POSIX")
@pytest.mark.parametrize(("typed", "code", "left"), [(b"n\n", 2, 3), (b"y\n", 0, 0)])
def test_on_a_terminal_it_asks(
    naru: Naru, sample: Path, connection: Connection, typed: bytes, code: int, left: int
) -> None:
    naru("migrate", sample)
    corrupt(connection)
    keyboard, terminal = os.openpty()
    os.write(keyboard, typed)
    process = naru.start("verify", sample, "--repair", stdin=terminal)
    _, err = process.communicate(timeout=240)
    os.close(keyboard)
    os.close(terminal)
    assert process.returncode == code, err
    assert "Write these rows to postgresql://" in err
    assert connection.execute("select count(*) from items where 품목명 = 'x'").fetchone() == (left,)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal of POSIX")
def test_a_question_can_be_interrupted(naru: Naru, sample: Path, connection: Connection) -> None:
    naru("migrate", sample)
    corrupt(connection)
    keyboard, terminal = os.openpty()
    process = naru.start("verify", sample, "--repair", stdin=terminal)
    assert process.stderr
    said = ""
    while "Write these rows" not in said:
        said += process.stderr.read(1)
    time.sleep(0.5)  # it waits for an answer by now
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=60) == 8
    finally:
        process.kill()
        process.communicate()
        os.close(keyboard)
        os.close(terminal)
    assert connection.execute("select count(*) from items where 품목명 = 'x'").fetchone() == (3,)


def test_json_is_the_only_thing_on_standard_output(naru: Naru, sample: Path, connection: Connection) -> None:
    naru("migrate", sample)
    corrupt(connection)
    process = naru.start("verify", sample, "--repair", "--yes", "--json")
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    assert [finding["verifier"] for finding in json.loads(out)["findings"]] == ["repair", "repair"]


def test_a_kill_in_the_midst_leaves_the_target_as_it_was(
    naru: Naru, sample: Path, database: Target, connection: Connection
) -> None:
    naru("migrate", sample)
    corrupt(connection)
    before = whole(connection, "items"), whole(connection, "audit_logs")
    with connect(database, application_name="another", autocommit=False) as another:
        another.execute("select from items where 품목명 = 'x' for update")  # where it comes to stand still
        process = naru.start("verify", sample, "--repair", "--yes")
        waiting = "select count(*) from pg_locks where not granted"
        deadline = time.monotonic() + 120
        while connection.execute(waiting).fetchone() == (0,):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline, "the repair never came to its rows"
            time.sleep(0.01)
        assert [*naru.directory.glob("logs/*/repaired-items.csv")], "kept before anything is touched"
        process.kill()
        process.communicate()
        another.rollback()
    gone = "select count(*) from pg_stat_activity where application_name = 'naru verify'"
    while connection.execute(gone).fetchone() != (0,):
        assert time.monotonic() < deadline, "the server keeps the session of a process that is gone"
        time.sleep(0.01)
    assert (whole(connection, "items"), whole(connection, "audit_logs")) == before
    assert connection.execute("select count(*) from _naru.run where command = 'repair'").fetchone() == (0,)
    assert "no findings" in naru("verify", sample, "--repair", "--yes")
