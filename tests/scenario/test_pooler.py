"""Behind a real PgBouncer: Naru says so, and in session mode does all that it does without one."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.databases import strangers
from pipeline.postgres.embedded.account import account_for
from tests.scenario.conftest import Naru
from tests.scenario.test_preflight import answers
from tests.servers import free_port

_CONFIGURATION = """[databases]
* = host={target.host} port={target.port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = scram-sha-256
auth_file = {home}/users.txt
pool_mode = {mode}
"""


@contextmanager
def pooled(target: Target, mode: str) -> Iterator[Target]:
    program = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
    if program is None:
        pytest.skip("no pgbouncer is installed")
    with tempfile.TemporaryDirectory(prefix="naru-pooler-") as directory:
        home = Path(directory)
        account = account_for(home)
        account.give(home)
        port = free_port()
        password = target.password.get_secret_value() if target.password else ""
        (home / "users.txt").write_text(f'"{target.user}" "{password}"\n', encoding="utf-8")
        (home / "ini").write_text(_CONFIGURATION.format(target=target, port=port, home=home, mode=mode), "utf-8")
        for file in home.iterdir():
            account.give(file)
        who: dict[str, Any] = {}
        if account.uid is not None:
            who = {"user": account.uid, "group": account.gid, "extra_groups": []}
        with (home / "log").open("wb") as log:
            process = subprocess.Popen([*account.prefix, program, home / "ini"], stdout=log, stderr=log, **who)
        try:
            until_it_listens(port, process, home / "log")
            yield replace(target, port=port)
        finally:
            process.terminate()
            process.wait(30)


def until_it_listens(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return


def test_in_session_mode_it_is_told_and_all_goes_well(database: Target, tmp_path: Path, sample: Path) -> None:
    with pooled(database, "session") as target:
        naru = Naru(tmp_path, target)
        assert answers(naru, sample)["pooler"]["standing"] == "warn"
        said = naru("migrate", sample, "--yes")
        assert "note: pooler: a pooler stands between" in said
        assert "verified: no findings" in said
        assert "restored and equal" in naru("backup", "run", "--verify", "restore")


def test_in_transaction_mode_nothing_is_written(database: Target, tmp_path: Path, sample: Path) -> None:
    with pooled(database, "transaction") as target:
        naru = Naru(tmp_path, target)
        assert answers(naru, sample, code=5)["pooler"]["standing"] == "fail"
        assert "a pooler in transaction mode stands between" in naru("migrate", sample, "--yes", code=5)
    with connect(database, application_name="t") as session:
        assert strangers(session) == []
