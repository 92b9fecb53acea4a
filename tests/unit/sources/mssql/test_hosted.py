"""The process of a driver: what it costs to begin, how it ends, and what is told of it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import psutil
import pytest
from structlog.testing import capture_logs

from pipeline.catalog import Table
from pipeline.errors import ConnectionLost, SourceError
from pipeline.sources.mssql.address import Address
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
    found = []
    for child in (process or psutil.Process()).children():
        with suppress(psutil.NoSuchProcess):
            if "clients.host" in " ".join(child.cmdline()):
                found.append(child)
    return found


def _wait_until_idle(process: psutil.Process) -> None:
    """Until it waits, for it spends no time on a processor."""
    before = None
    while (spent := process.cpu_times()) != before:
        before = spent
        time.sleep(0.3)


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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nobody tells what a process has loaded")
def test_pyarrow_does_not_load_numpy(hosting: Hosting, server: Server) -> None:
    connect(address_of(server), hosting.log_in)
    (process,) = _hosts()
    loaded = " ".join(region.path for region in process.memory_maps())
    assert "pyarrow" in loaded
    assert "numpy" not in loaded


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


@pytest.fixture
def interruptible() -> Iterator[None]:
    """With Python's own handler of Ctrl-C: behind that of polars, what waits would not hear of it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@_posix
@pytest.mark.usefixtures("interruptible")
def test_what_broke_off_is_not_taken_for_the_next_answer(hosting: Hosting, server: Server) -> None:
    server.faults.add(Fault("SELECT 1", ending=Ending.NEVER))
    client = connect(address_of(server), hosting.log_in)
    asking, heard = threading.get_ident(), threading.Event()

    def interrupt() -> None:
        while server.faults.left():
            time.sleep(0.01)
        while not heard.is_set():  # one that comes just before the wait begins is heard behind it, as ever in Python
            signal.pthread_kill(asking, signal.SIGINT)
            heard.wait(1)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        client.rows("SELECT 1 AS alive")
    heard.set()
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

    with live({"orders": ROWS}, _LONG) as (source, server), capture_logs() as logs:
        server.faults.add(Fault(FROM, after_rows=450, ending=Ending.NEVER))
        thread = threading.Thread(target=read)
        thread.start()
        while server.faults.left():
            thread.join(0.01)
        (process,) = _hosts()
        _wait_until_idle(process)
        source.__exit__(None, None, None)
        thread.join(60)
        assert not thread.is_alive()
        assert not _hosts()
    assert [error.message for error in told] == ["the source is closed"]
    assert not [log for log in logs if log["log_level"] == "warning"]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere it ends when the server says something")
@pytest.mark.parametrize("described", [ORDERS, _LONG], ids=["short", "long"])
def test_it_ends_with_the_process_that_asks_however_that_ends(described: Table) -> None:
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    with serve(database({"orders": ROWS}, described)) as server:
        _hold_to_an_end(server)


def _hold_to_an_end(server: Server) -> None:
    program = (
        "import pickle, sys; from pipeline.sources.mssql.source import MssqlSource\n"
        "with MssqlSource(pickle.load(sys.stdin.buffer)) as source:\n"
        "    for batch in source.batches('orders', batch_rows=100): print('a batch', flush=True)"
    )
    server.faults.add(Fault(FROM, after_rows=450, ending=Ending.NEVER))
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=_at_home(),
    ) as asking:
        assert asking.stdin
        assert asking.stdout
        asking.stdin.write(pickle.dumps(address_of(server)))
        asking.stdin.close()
        assert asking.stdout.readline() == b"a batch\n"
        (process,) = _hosts(psutil.Process(asking.pid))
        while server.faults.left():
            time.sleep(0.01)
        _wait_until_idle(process)
        asking.kill()
    with suppress(psutil.ZombieProcess):  # ended as well, where nobody takes leave of orphans
        process.wait(60)


def test_a_process_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(hosted.sys, "executable", str(tmp_path / "python"))
    with pytest.raises(SourceError, match="the process of the driver cannot be started: "):
        HostedClient()
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    with live({"orders": ROWS}, ORDERS) as (source, _):
        assert source.catalog().tables[0].name == "orders"  # for which there is no need of it
        with pytest.raises(SourceError, match="the process of the driver cannot be started: "):
            next(source.batches("orders", batch_rows=10))


def test_a_bug_over_there_is_told_with_its_place(hosting: Hosting, server: Server) -> None:
    client = hosting.log_in(login(address_of(server)))
    with pytest.raises(RuntimeError, match="AttributeError: 'Host' object has no attribute 'nothing'") as caught:
        client._ask("nothing")
    assert "host.py" in caught.value.__notes__[0]
    assert client.rows("SELECT 1 AS alive") == [{"alive": 1}]


def test_one_that_was_closed_connects_no_other(server: Server) -> None:
    hosting = Hosting()
    connect(address_of(server), hosting.log_in)
    hosting.close()
    with pytest.raises(SourceError, match="the connection was closed"):
        connect(address_of(server), hosting.log_in)
    assert not _hosts()
    assert len(server.logins) == 1


def test_rows_that_are_left_by_an_error_leave_no_answer_behind(hosting: Hosting, server: Server) -> None:
    client = connect(address_of(server), hosting.log_in)
    stream = client.stream(f"SELECT [id] {FROM}", batch_rows=10)
    next(stream)
    with pytest.raises(KeyboardInterrupt):
        stream.throw(KeyboardInterrupt())
    with pytest.raises(ConnectionLost, match="the connection was closed"):
        client.rows("SELECT 1 AS alive")


@pytest.mark.parametrize("printed", ["good morning", "This would be a text of 1,936,287,828 letters to pickle", ""])
def test_what_prints_when_python_starts_is_passed_over(
    hosting_after: Callable[[str], Hosting], server: Server, printed: str
) -> None:
    hosting = hosting_after(f"print({printed!r}, flush=True)")
    assert connect(address_of(server), hosting.log_in).rows("SELECT 1 AS alive") == [{"alive": 1}]


def test_a_python_that_does_not_start_is_told_and_not_tried_again(
    hosting_after: Callable[[str], Hosting], server: Server
) -> None:
    hosting = hosting_after("import os; os._exit(7)")
    with pytest.raises(SourceError, match="came to an end: exit code 7, before it began") as caught:
        connect(address_of(server), hosting.log_in)
    assert not isinstance(caught.value, ConnectionLost)


@pytest.fixture
def hosting_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Hosting]]:
    """A hosting whose Python runs a program of the machine's own first."""
    with ExitStack() as stack:

        def hosting(program: str) -> Hosting:
            (tmp_path / "sitecustomize.py").write_text(program)
            monkeypatch.setenv("PYTHONPATH", str(tmp_path))
            return stack.enter_context(closing(Hosting()))

        yield hosting


@_posix
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_a_command_without_standard_streams_reads_all_the_same(server: Server, tmp_path: Path, closed: str) -> None:
    (tmp_path / "address").write_bytes(pickle.dumps(address_of(server)))
    program = (
        "import pickle, sys; from pathlib import Path; from pipeline.sources.mssql.source import MssqlSource\n"
        "with MssqlSource(pickle.loads(Path(sys.argv[1], 'address').read_bytes())) as source:\n"
        "    read = sum(batch.frame.height for batch in source.batches('orders', batch_rows=100))\n"
        "Path(sys.argv[1], 'read').write_text(str(read))"
    )
    command = ["sh", "-c", f'exec "$0" -c "$1" "$2" {closed}', sys.executable, program, str(tmp_path)]
    subprocess.run(command, env=_at_home(), check=True, timeout=120)
    assert (tmp_path / "read").read_text() == "1000"
    assert len(server.logins) == 2


def test_whoever_signs_in_does_so_for_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver remembers who has signed in, and tells the code for it, in its own process."""
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    monkeypatch.setattr(Address, "asks_a_person", True)  # there is nobody to ask
    with live({"orders": ROWS}, ORDERS) as (source, _):
        assert rows(source.batches("orders", batch_rows=100)) == numbered(ROWS)
        assert not _hosts()
