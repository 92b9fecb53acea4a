from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipeline.errors import TargetError
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.embedded.memory import buffers_mb, memory_bytes

posix = pytest.mark.skipif(sys.platform == "win32", reason="signals, owners and permission bits are POSIX")


@pytest.fixture
def home() -> Iterator[Path]:
    """A home whose server, if any, is stopped after the test."""
    with tempfile.TemporaryDirectory(prefix="naru-tests-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        yield Path(directory, ".naru")
        EmbeddedServer(Path(directory, ".naru")).stop()


def _execute(target: Target, statement: str) -> list[tuple[object, ...]]:
    with connect(target, application_name="tests", autocommit=True) as connection:
        cursor = connection.execute(statement)  # type: ignore[call-overload]
        return cursor.fetchall() if cursor.description else []


def _pid(server: EmbeddedServer) -> int:
    pid = server.status().pid
    assert pid is not None
    return pid


# --- a server that is there (that of the session) -------------------------------------------------


def test_a_running_server_is_used_again(server: EmbeddedServer) -> None:
    before = server.status()
    assert server.ensure_running() == server.target()
    assert server.status() == before
    assert before.running


def test_it_listens_on_the_loopback_alone(server: EmbeddedServer) -> None:
    listening = {c.laddr for c in psutil.Process(_pid(server)).net_connections() if c.status == psutil.CONN_LISTEN}
    assert listening == {("127.0.0.1", server.target().port)}


def test_no_one_enters_without_the_password(server: EmbeddedServer) -> None:
    rules = _execute(server.target(), "select distinct auth_method from pg_hba_file_rules")
    assert rules == [("scram-sha-256",)]


def test_the_password_is_in_its_file_and_nowhere_else(server: EmbeddedServer) -> None:
    secret = server.target().password
    assert secret is not None
    folder = server.status().home
    if sys.platform != "win32":
        assert stat.S_IMODE((folder / "password").stat().st_mode) == 0o600
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    texts = [path.read_text(errors="replace") for path in (folder / "server.log", folder / "data" / "postgresql.conf")]
    texts.append(" ".join(psutil.Process(_pid(server)).cmdline()))
    assert not any(secret.get_secret_value() in text for text in texts)


@posix
def test_ctrl_c_at_the_terminal_does_not_reach_it(server: EmbeddedServer) -> None:
    assert os.getsid(_pid(server)) != os.getsid(0)


def test_its_psql_enters(server: EmbeddedServer) -> None:
    ended = subprocess.run(
        [server.psql, "-XAtc", "select current_database()"],
        env=server.target().environment(os.environ),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout.strip() == "naru", ended.stderr


# --- a life of its own ----------------------------------------------------------------------------


def test_it_is_safe_and_speaks_utf8(home: Path) -> None:
    names = (
        "fsync",
        "synchronous_commit",
        "full_page_writes",
        "server_encoding",
        "password_encryption",
        "data_checksums",
    )
    target = EmbeddedServer(home).ensure_running()
    shown = [_execute(target, f"show {name}")[0][0] for name in names]
    assert shown == ["on", "on", "on", "UTF8", "scram-sha-256", "on"]
    (buffers,) = _execute(target, "select pg_size_bytes(current_setting('shared_buffers')) >> 20")[0]
    assert buffers == buffers_mb(memory_bytes())


def test_data_and_port_survive_stop_and_start(home: Path) -> None:
    embedded = EmbeddedServer(home)
    first = embedded.ensure_running()
    _execute(first, "create table t as select 42 as a")
    assert embedded.stop() is True
    assert embedded.stop() is False
    assert not embedded.status().running
    with pytest.raises(TargetError, match="not running"):
        embedded.target()
    assert embedded.ensure_running() == first
    assert _execute(first, "select a from t") == [(42,)]


@posix
def test_a_killed_server_comes_back_with_its_data(home: Path) -> None:
    embedded = EmbeddedServer(home)
    target = embedded.ensure_running()
    _execute(target, "create table t as select a from generate_series(1, 200000) a")
    _execute(target, "alter table t add primary key (a)")  # some MB, that the log says nothing of
    _execute(target, "insert into t values (200001)")
    killed = psutil.Process(_pid(embedded))
    killed.send_signal(signal.SIGKILL)
    psutil.wait_procs([killed], timeout=30)
    assert not embedded.status().running
    target = embedded.ensure_running()
    assert _execute(target, "select count(*), sum(a) from t") == [(200001, 200001 * 200002 // 2)]
    with connect(target, application_name="tests", autocommit=True) as connection:
        connection.execute("set enable_seqscan = off")
        assert connection.execute("select count(*) from t where a between 1 and 200001").fetchone() == (200001,)


def test_a_stale_file_that_names_another_living_process_is_no_obstacle(home: Path) -> None:
    embedded = EmbeddedServer(home)
    embedded.ensure_running()
    file = embedded.status().home / "data" / "postmaster.pid"
    claim = file.read_text().splitlines()
    embedded.stop()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as bystander:
        file.write_text("\n".join([str(bystander.pid), *claim[1:], ""]))
        assert not embedded.status().running
        assert embedded.stop() is False, "the bystander must not be signalled"
        assert _execute(embedded.ensure_running(), "select 1") == [(1,)]
        assert bystander.poll() is None
        bystander.communicate(b"\n")


def test_processes_that_start_at_once_share_one_server(home: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline.postgres.embedded import EmbeddedServer;"
        "print('ready', flush=True); sys.stdin.read(1);"
        "print(EmbeddedServer(Path(sys.argv[1])).ensure_running().url().get_secret_value())"
    )
    starters = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    for starter in starters:
        assert starter.stdout
        assert starter.stdout.readline() == "ready\n"
    for starter in starters:
        assert starter.stdin
        starter.stdin.write("!")
        starter.stdin.flush()
    urls = {starter.communicate(timeout=120)[0] for starter in starters}
    assert [starter.returncode for starter in starters] == [0, 0, 0]
    assert urls == {EmbeddedServer(home).target().url().get_secret_value() + "\n"}
    assert _execute(EmbeddedServer(home).target(), "select 1") == [(1,)], "it outlives those who started it"


def test_a_taken_port_is_left_to_its_holder(home: Path) -> None:
    embedded = EmbeddedServer(home)
    before = embedded.ensure_running().port
    embedded.stop()
    with socket.create_server(("127.0.0.1", before)):
        assert embedded.ensure_running().port != before


@pytest.mark.parametrize("remembered", ["garbled", "99999999"])
def test_a_garbled_note_of_the_port_is_no_obstacle(home: Path, remembered: str) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "port").write_text(remembered)
    assert _execute(EmbeddedServer(home).ensure_running(), "select 1") == [(1,)]


def test_a_start_that_fails_shows_the_log(home: Path) -> None:
    embedded = EmbeddedServer(home)
    embedded.ensure_running()
    embedded.stop()
    configuration = embedded.status().home / "data" / "postgresql.conf"
    configuration.write_text(configuration.read_text() + "\nno_such_setting = 1\n")
    with pytest.raises(TargetError, match="no_such_setting"):
        embedded.ensure_running()


def test_a_killed_initdb_leaves_nothing_to_trip_over(home: Path) -> None:
    unfinished = home / "postgres" / "data.unfinished"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("18\n")
    assert _execute(EmbeddedServer(home).ensure_running(), "select 1") == [(1,)]
    assert not unfinished.exists()


def test_a_lost_password_is_said(home: Path) -> None:
    embedded = EmbeddedServer(home)
    embedded.ensure_running()
    (embedded.status().home / "password").unlink()
    with pytest.raises(TargetError, match="password"):
        embedded.target()


def test_a_home_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TargetError, match="file") as caught:
        EmbeddedServer(tmp_path / "file").ensure_running()
    assert caught.value.hint is not None
    assert "NARU_HOME" in caught.value.hint


@posix
def test_root_runs_a_users_server_as_that_user(home: Path) -> None:
    if sys.platform == "win32" or os.geteuid() != 0:
        pytest.skip("only root can become another user")
    import pwd

    nobody = pwd.getpwnam("nobody")
    psql = EmbeddedServer(home).psql
    entered = subprocess.run([psql, "--version"], user=nobody.pw_uid, group=nobody.pw_gid, cwd="/", check=False)
    if entered.returncode != 0:
        pytest.skip("another user cannot read this environment's programs")
    (home / "postgres").mkdir(parents=True)
    os.chown(home / "postgres", nobody.pw_uid, nobody.pw_gid)
    embedded = EmbeddedServer(home)
    assert _execute(embedded.ensure_running(), "select 1") == [(1,)]
    assert psutil.Process(_pid(embedded)).uids().real == nobody.pw_uid
    assert embedded.stop() is True
