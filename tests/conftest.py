"""One real PostgreSQL per session, one database per test, and the sample files."""

from __future__ import annotations

import os
import signal
import tempfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from psycopg import sql

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from tests.servers import server_of

_ROOT = Path(__file__).parent.parent
_numbers = count(1)

# A busy machine is not a failure.
settings.register_profile("naru", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("fuzz", parent=settings.get_profile("naru"), max_examples=5000)
settings.load_profile("naru")


def pytest_configure() -> None:
    """Hear Ctrl-C: what a script runs in its background ignores it, and so would every command that a test starts."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def server() -> Iterator[EmbeddedServer]:
    """A running embedded server that lives as long as the session; each worker of pytest-xdist has its own.

    It writes without waiting for the disk: a database per test is made and dropped five times as fast. No test takes
    the power away, and those that mistreat a server, or ask how it is set, start one of their own.
    """
    with tempfile.TemporaryDirectory(prefix="naru-tests-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)  # where root becomes another user, that one has to get in
        embedded = EmbeddedServer(Path(directory, "home"))
        with connect(embedded.ensure_running(), application_name="tests", autocommit=True) as admin:
            admin.execute("alter system set fsync = off")
            admin.execute("select pg_reload_conf()")
        yield embedded
        embedded.stop()


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Target]:
    """Where the databases of the tests are: on the embedded server, or on that of another version."""
    other = os.environ.get("NARU_TEST_SERVER")
    if other is None:
        yield request.getfixturevalue("server").target()
        return
    with server_of(Path(other, "bin"), user="naru") as admin:
        yield admin


@pytest.fixture
def database(cluster: Target) -> Iterator[Target]:
    """An empty database, dropped after the test."""
    name = f"test_{next(_numbers)}"
    with connect(cluster, application_name="tests", autocommit=True) as admin:
        quickly = sql.SQL(" strategy file_copy" if admin.info.server_version >= 150000 else "")
        admin.execute(sql.SQL("create database {}{}").format(sql.Identifier(name), quickly))
        yield cluster.with_database(name)
        admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Large and foreign test data beside the repository; the test is skipped where it is not there."""
    folder = _ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip("the shared test data is not beside the repository")
    return folder


@pytest.fixture(scope="session")
def sample() -> Path:
    """The Access database that the README migrates."""
    return _ROOT / "samples" / "routing_ml.accdb"
