"""The real drivers, and how each is led to the tests' own server."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.sources.mssql.address import Address
from tests.tds.server import Server

Lead = Callable[..., Address]
_FREETDS = (
    Path(f"/usr/lib/{platform.machine()}-linux-gnu/odbc/libtdsodbc.so"),
    Path("/usr/lib64/libtdsodbc.so.0"),
)


def _microsofts() -> Path | None:
    """The library that mssql-python carries, to be loaded by pyodbc."""
    package = pytest.importorskip("mssql_python_odbc", reason="the driver of mssql-python is not installed")
    folder = Path(package.__path__[0]) / "libs" / "linux" / "debian_ubuntu"
    return next(folder.glob(f"{platform.machine()}/lib/libmsodbcsql*"), None)


def odbc_driver(name: str) -> str | None:
    """What MSSQL_ODBC_DRIVER is for a client of the tests; skips where the driver is not there."""
    if name == "mssql-python":
        return None
    pytest.importorskip("pyodbc", reason="pyodbc or its libodbc2 is missing", exc_type=ImportError)
    path = _microsofts() if name == "msodbcsql" else next((path for path in _FREETDS if path.exists()), None)
    if path is None:
        pytest.skip(f"no library of {name} on this machine")
    return str(path)


@pytest.fixture(params=["mssql-python", "msodbcsql", "freetds"])
def lead(request: pytest.FixtureRequest) -> Lead:
    """Makes the address of a test's server for one of the clients; `changes` replace parts of it."""
    driver = odbc_driver(request.param)

    def address(server: Server, **changes: object) -> Address:
        return at(server, odbc_driver=driver, **changes)

    return address


def at(server: Server, **changes: object) -> Address:
    """An address that takes any certificate."""
    host, port = server.address
    parts: dict[str, object] = {
        "host": host,
        "port": port,
        "database": server.database.name,
        "user": server.user,
        "password": SecretStr(server.password),
        "trust_server_certificate": True,
    }
    return Address(**(parts | changes))  # type: ignore[arg-type]


@pytest.fixture
def without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env, and no variable of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("MSSQL_", "ACCESS_", "DB_TYPE")):
            monkeypatch.delenv(name)
