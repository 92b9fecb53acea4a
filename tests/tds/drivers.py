"""The real drivers, connected to a server of a test; a test is skipped where one is not installed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.sources.mssql.address import Address
from tests.tds.server import Server

_FREETDS = ("/usr/lib/*/odbc/libtdsodbc.so", "/usr/local/lib/libtdsodbc.so", "/opt/homebrew/lib/libtdsodbc.so")
TRUSTING = "Encrypt=yes;TrustServerCertificate=yes"


def mssql_python() -> Any:
    """Microsoft's package; its libraries may be missing though it is installed."""
    module = pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    module.pooling(enabled=False)  # a test counts its own connections
    return module


def pyodbc() -> Any:
    return pytest.importorskip("pyodbc", reason="pyodbc does not load here", exc_type=ImportError)


def freetds_path() -> Path:
    for pattern in _FREETDS:
        for path in Path("/").glob(pattern.removeprefix("/")):
            return path
    pytest.skip("FreeTDS' ODBC driver is not installed")


def microsoft_path() -> Path:
    """The ODBC driver that mssql-python brings."""
    return Path(mssql_python().get_native_provider_info()["driver_path"])


def odbc_driver(name: str) -> str | None:
    """What MSSQL_ODBC_DRIVER is for mssql-python, msodbcsql or freetds."""
    if name == "mssql-python":
        mssql_python()
        return None
    pyodbc()
    return str(microsoft_path() if name == "msodbcsql" else freetds_path())


def address_of(server: Server, **changes: Any) -> Address:
    """As a source is told of it; any certificate is taken, unless `changes` say otherwise."""
    host, port = server.address
    parts: dict[str, Any] = {
        "host": host,
        "port": port,
        "database": server.database.name,
        "user": server.user,
        "password": SecretStr(server.password),
        "trust_server_certificate": True,
    }
    return Address(**(parts | changes))


def login(server: Server, password: str | None = None) -> str:
    """With the right password, unless another is given."""
    return f"DATABASE={server.database.name};UID={server.user};PWD={{{password or server.password}}}"


@contextmanager
def arrow_client(server: Server, how: str = TRUSTING, password: str | None = None) -> Iterator[Any]:
    """A connection of mssql-python."""
    host, port = server.address
    connection = mssql_python().connect(f"SERVER={host},{port};{login(server, password)};{how}", autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


@contextmanager
def microsoft_client(server: Server, how: str = TRUSTING, password: str | None = None) -> Iterator[Any]:
    """A connection of pyodbc through Microsoft's driver."""
    host, port = server.address
    with _odbc(f"DRIVER={microsoft_path()};SERVER={host},{port};{login(server, password)};{how}") as connection:
        yield connection


@contextmanager
def freetds_client(server: Server, how: str = "Encryption=require", password: str | None = None) -> Iterator[Any]:
    """A connection of pyodbc through FreeTDS, which knows no `Encrypt`, and does not encrypt where it is told that."""
    host, port = server.address
    to = f"DRIVER={freetds_path()};SERVER={host};PORT={port};TDS_Version=7.4;ClientCharset=UTF-8"
    with _odbc(f"{to};{login(server, password)};{how}") as connection:
        yield connection


@contextmanager
def _odbc(text: str) -> Iterator[Any]:
    connection = pyodbc().connect(text, autocommit=True)
    try:
        yield connection
    finally:
        connection.close()


CLIENTS = {"mssql-python": arrow_client, "msodbcsql": microsoft_client, "FreeTDS": freetds_client}


def rows(connection: Any, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    cursor = connection.cursor()
    return [tuple(row) for row in cursor.execute(statement, *([parameters] if parameters else [])).fetchall()]
