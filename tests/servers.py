"""PostgreSQL servers beside the embedded one: of the system's own packages, and of any directory with programs."""

from __future__ import annotations

import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded.account import account_for

_INSTALLED = Path("/usr/lib/postgresql")


def system_programs() -> Path:
    """The newest version that is installed; the test is skipped where none is."""
    versions = sorted(_INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    if sys.platform == "win32" or not versions:
        pytest.skip(f"no postgresql is installed in {_INSTALLED}")
    return versions[-1].parent


@contextmanager
def system_server(encoding: str = "UTF8") -> Iterator[Target]:
    """Its administrator; the test is skipped where none is installed."""
    with server_of(system_programs(), encoding) as admin:
        yield admin


@contextmanager
def server_of(
    programs: Path, encoding: str = "UTF8", *, user: str = "admin", standby: bool = False
) -> Iterator[Target]:
    """A server that the programs in this directory make and run, of whatever version; its administrator.

    As a `standby` it waits for a primary that never comes, and answers meanwhile.
    """
    with tempfile.TemporaryDirectory(prefix="naru-system-") as directory:
        home = Path(directory)
        run = _runner(programs, home)
        password = home / "password"
        password.write_text(secrets.token_urlsafe(), encoding="ascii")
        account_for(home).give(password)
        login = ("--auth=scram-sha-256", f"--username={user}", f"--pwfile={password}")
        run("initdb", *login, f"--encoding={encoding}", "--locale=C", "-D", home / "data")
        if standby:
            (home / "data" / "standby.signal").touch()
        port = free_port()
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c log_statement=all"
        )
        run("pg_ctl", "start", "-w", "-D", home / "data", "-l", home / "data" / "server.log", "-o", options)
        try:
            yield Target("127.0.0.1", port, user, "postgres", SecretStr(password.read_text(encoding="ascii")))
        finally:
            run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", home / "data")


def _runner(programs: Path, home: Path) -> Callable[..., None]:
    """Runs one of the programs to its end, as a user who is not root and owns `home`."""
    account = account_for(home)
    account.give(home)
    who: dict[str, Any] = {}
    if account.uid is not None:
        who = {"user": account.uid, "group": account.gid, "extra_groups": []}

    def run(program: str, *arguments: str | Path) -> None:
        command = [*account.prefix, str(programs / program), *map(str, arguments)]
        with (home / "output").open("wb") as output:  # no pipe: the server would hold it open
            ended = subprocess.run(command, cwd="/", stdout=output, stderr=output, check=False, **who)
        assert ended.returncode == 0, (home / "output").read_text()

    return run


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def server_log(admin: Target) -> str:
    """What the server has logged so far, every statement included."""
    with connect(admin, application_name="t", autocommit=True, any_encoding=True) as session:
        (found,) = session.execute("select pg_read_file('server.log')").fetchone() or ("",)
    return str(found)
