"""The process of a driver: what it costs to begin, how it ends, and what is told of it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest

from pipeline.cli.console import hear_ctrl_c
from pipeline.errors import ConnectionLost, SourceError
from pipeline.sources.mssql.clients import hosted
from pipeline.sources.mssql.clients.hosted import HostedClient, Hosting
from pipeline.sources.mssql.clients.keywords import login
from pipeline.sources.mssql.connect import connect
from tests.tds.drivers import address_of
from tests.tds.faults import Ending, Fault
from tests.tds.live import database, live, table
from tests.tds.server import Server, serve
from tests.unit.sources.mssql.rows.test_reading import FROM, ORDERS, ROWS, numbered, rows

_posix = pytest.mark.skipif(os.name == "nt", reason="no signals there")
_LONG = table("orders", {"id": "int", "name": "nvarchar", "note": "nvarchar(20)"}, ("id",))


def _hosts(process: psutil.Process | None = None) -> list[psutil.Process]:
    """The processes of drivers that a process has, which is this one unless told otherwise."""
    return [child for child in (process or psutil.Process()).children() if "clients.host" in " ".join(child.cmdline())]


@pytest.fixture
def hosting() -> Iterator[Hosting]:
    with closing(Hosting()) as made:
        yield made


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    with serve(database({"orders": ROWS}, ORDERS)) as running:
        yield running


def test_little_is_imported_before_a_driver_can_connect() -> None:
    """With all that a source imports it would begin four times as late."""
    program = "import sys, pipeline.sources.mssql.clients.host; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=_at_home())
    assert not {"polars", "pydantic", "structlog", "typer", "psycopg"} & set(told.stdout.split())


def _at_home() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[4])}


def test_a_password_is_not_among_its_arguments_or_variables(hosting: Hosting, server: Server) -> None:
    client = connect(address_of(server), hosting.log_in)
    (process,) = _hosts()
    assert server.password not in " ".join(process.cmdline())
    assert server.password not in str(process.environ())
    client.close()
    assert not _hosts()


@_posix
def test_a_process_that_is_killed_among_the_rows_costs_none_of_them() -> None:
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    with live({"orders": ROWS}, ORDERS) as (source, server):
        batches = source.batches("orders", batch_rows=100)
        read = [next(batches)]
        (process,) = _hosts()
        process.kill()
        assert rows(iter([*read, *batches])) == numbered(ROWS)
        assert len(server.logins) == 3


@_posix
def test_a_process_that_ends_by_itself_is_a_connection_that_is_lost(hosting: Hosting, server: Server) -> None:
    client = connect(address_of(server), hosting.log_in)
    stream = client.stream(f"SELECT [id] {FROM}", batch_rows=10)
    next(stream)
    (process,) = _hosts()
    process.send_signal(signal.SIGSEGV)
    with pytest.raises(ConnectionLost, match="the process of the driver came to an end: Segmentation fault"):
        list(stream)
    with pytest.raises(ConnectionLost):
        client.rows("SELECT 1 AS alive")
    client.close()
    assert connect(address_of(server), hosting.log_in).rows("SELECT 1 AS alive") == [{"alive": 1}]


@_posix
def test_ctrl_c_of_a_terminal_is_not_for_it(hosting: Hosting, server: Server) -> None:
    client = connect(address_of(server), hosting.log_in)
    (process,) = _hosts()
    assert os.getpgid(process.pid) != os.getpgid(0)
    process.send_signal(signal.SIGINT)
    assert client.rows("SELECT 1 AS alive") == [{"alive": 1}]


@_posix
def test_what_broke_off_is_not_taken_for_the_next_answer(hosting: Hosting, server: Server) -> None:
    server.faults.add(Fault("SELECT 1", ending=Ending.NEVER))
    client = connect(address_of(server), hosting.log_in)
    asking = threading.get_ident()
    hear_ctrl_c()

    def interrupt() -> None:
        while server.faults.left():
            time.sleep(0.01)
        signal.pthread_kill(asking, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        client.rows("SELECT 1 AS alive")
    thread.join()
    with pytest.raises(ConnectionLost):
        client.rows("SELECT 2 AS other")


def test_closing_ends_what_a_thread_waits_for_within_a_long_value() -> None:
    """mssql-python holds the interpreter's lock there: within this process, nothing at all would go on."""
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    told: list[SourceError] = []

    def read() -> None:
        try:
            list(source.batches("orders", batch_rows=100))
        except SourceError as error:
            told.append(error)

    with live({"orders": ROWS}, _LONG) as (source, server):
        server.faults.add(Fault(FROM, after_rows=450, ending=Ending.NEVER))
        thread = threading.Thread(target=read)
        thread.start()
        while server.faults.left():
            thread.join(0.01)
        source.__exit__(None, None, None)
        thread.join(60)
        assert not thread.is_alive()
        assert not _hosts()
    assert [error.message for error in told] == ["the source is closed"]


@_posix
def test_it_ends_with_the_process_that_asks_however_that_ends(server: Server) -> None:
    program = (
        "import os, pickle, sys; from pipeline.sources.mssql.clients.hosted import Hosting\n"
        "from pipeline.sources.mssql.connect import connect\n"
        "client = connect(pickle.load(sys.stdin.buffer), Hosting().log_in); print('connected', flush=True)\n"
        "for batch in client.stream(sys.argv[1], batch_rows=10): pass"
    )
    server.faults.add(Fault(FROM, after_rows=50, ending=Ending.NEVER))
    with subprocess.Popen(
        [sys.executable, "-c", program, f"SELECT [id] {FROM}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_at_home(),
    ) as asking:
        assert asking.stdin
        assert asking.stdout
        asking.stdin.write(pickle.dumps(address_of(server)))
        asking.stdin.close()
        assert asking.stdout.readline() == b"connected\n"
        (process,) = _hosts(psutil.Process(asking.pid))
        while server.faults.left():
            time.sleep(0.01)
        asking.kill()
    with suppress(psutil.ZombieProcess):  # ended as well, where nobody takes leave of orphans
        process.wait(60)


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hosted.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SourceError, match=r"the process of the driver cannot be started: .*No such file"):
        HostedClient()


def test_a_bug_over_there_is_told_with_its_place(hosting: Hosting, server: Server) -> None:
    client = hosting.log_in(login(address_of(server)))
    with pytest.raises(RuntimeError, match=r"(?s)AttributeError.*host\.py"):
        client._ask("nothing")
    assert client.rows("SELECT 1 AS alive") == [{"alive": 1}]


def test_one_that_was_closed_makes_no_other(server: Server) -> None:
    hosting = Hosting()
    hosting.close()
    with pytest.raises(ConnectionLost):
        connect(address_of(server), hosting.log_in)
    assert not _hosts()
    assert server.logins == []
