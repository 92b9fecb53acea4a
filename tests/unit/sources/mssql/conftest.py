"""The real drivers, each led to the tests' own server."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.sources.mssql.address import Address
from tests.tds.drivers import address_of, odbc_driver
from tests.tds.server import Server

Lead = Callable[..., Address]


@pytest.fixture(params=["mssql-python", "msodbcsql", "freetds"])
def lead(request: pytest.FixtureRequest) -> Lead:
    """Makes the address of a test's server for one of the clients; `changes` replace parts of it."""
    driver = odbc_driver(request.param)

    def address(server: Server, **changes: object) -> Address:
        return address_of(server, odbc_driver=driver, **changes)

    return address


@pytest.fixture(params=["mssql-python", "freetds"])
def driver(request: pytest.FixtureRequest) -> str | None:
    """A client of each kind, as MSSQL_ODBC_DRIVER names it."""
    return odbc_driver(request.param)


@pytest.fixture
def without_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No .env, and no variable of ours in the environment."""
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith(("MSSQL_", "ACCESS_", "DB_TYPE")):
            monkeypatch.delenv(name)
