"""`rollback`, as a user has it: asked before, killed in the midst, and of a run that was killed itself."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from pipeline.postgres.connect import Connection, Target, connect
from tests.scenario.conftest import Naru
from tests.scenario.test_kill import kill_after
from tests.unit.engine.rollback.cases import dump


def last_run(connection: Connection) -> str:
    row = connection.execute("select run_id from _naru.run order by started_at desc limit 1").fetchone()
    assert row is not None
    return str(row[0])


def test_it_tells_asks_and_does(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as connection:
        before = dump(connection)
        naru("migrate", sample, "--yes")
        loaded, run = dump(connection), last_run(connection)
        assert "would drop table public." in naru("rollback", run, "--dry-run")
        assert "then say --yes" in naru("rollback", run, code=2)
        assert dump(connection) == loaded
        assert f"run {run} is taken back" in naru("rollback", run, "--yes")
        assert dump(connection) == before
        status = naru("status")
        assert "rolled back" in status
        assert "rollback" in status
        assert "has been taken back already" in naru("rollback", run, "--yes", code=2)
        naru("report", run, "--html", "r.html")
        assert "rolled back" in (naru.directory / "r.html").read_text("utf-8")
        assert ": complete" in naru("migrate", sample, "--yes")
        assert dump(connection) == loaded


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs a terminal of POSIX")
def test_ctrl_c_ends_the_question_and_nothing_is_taken_back(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as connection:
        naru("migrate", sample, "--yes")
        loaded, run = dump(connection), last_run(connection)
        keyboard, terminal = os.openpty()
        process = naru.start("rollback", run, stdin=terminal, stdout=terminal)
        try:
            assert process.stderr is not None
            said = ""
            while "[y/N]" not in said:
                said += process.stderr.read(1) or pytest.fail(said)
            process.send_signal(signal.SIGINT)
            assert process.wait(timeout=60) == 8
        finally:
            process.kill()
            process.communicate()
            os.close(keyboard)
            os.close(terminal)
        assert dump(connection) == loaded


def test_a_run_that_was_killed_needs_force_since_nobody_knows(naru: Naru, large: Path, database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as connection:
        before = dump(connection)
        assert kill_after(naru, connection, 3, "migrate", large, "--yes", "--batch-size", "500")
        run = last_run(connection)
        assert "has not finished" in naru("rollback", run, "--yes", code=5)
        naru("rollback", run, "--yes", "--force")
        assert dump(connection) == before


def waits(connection: Connection) -> bool:
    statement = """select exists (select from pg_locks l join pg_stat_activity a using (pid)
                   where not granted and a.application_name ~ '^naru')"""
    return connection.execute(statement).fetchone() == (True,)


def test_killed_in_the_midst_it_has_done_nothing(naru: Naru, sample: Path, database: Target) -> None:
    """Held up where it marks the run in the ledger, when every table has been dropped already."""
    with connect(database, application_name="t", autocommit=True) as connection:
        before = dump(connection)
        naru("migrate", sample, "--yes")
        loaded, run = dump(connection), last_run(connection)
        with connection.transaction():
            connection.execute("select from _naru.run where run_id = %s for update", [run])
            process = naru.start("rollback", run, "--yes")
            deadline = time.monotonic() + 60
            while not waits(connection):
                assert time.monotonic() < deadline, "it never came to the ledger"
                time.sleep(0.01)
            process.kill()
            process.communicate()
        assert dump(connection) == loaded
        naru("rollback", run, "--yes")
        assert dump(connection) == before


def test_a_run_must_be_named_that_there_is(naru: Naru, sample: Path, database: Target) -> None:
    naru("migrate", sample, "--yes")
    with connect(database, application_name="t", autocommit=True) as connection:
        loaded = dump(connection)
        assert "missing argument 'RUN'" in naru("rollback", "--yes", code=2)
        assert "the ledger knows no run no-such-run" in naru("rollback", "no-such-run", "--yes", code=2)
        assert dump(connection) == loaded
