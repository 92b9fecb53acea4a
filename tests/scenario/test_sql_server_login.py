"""A live SQL Server as the command line names it; its password shows nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenario.conftest import Naru
from tests.tds.database import Database
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError

_SECRET = "geheim-9"


@pytest.fixture
def server() -> Iterator[Server]:
    pytest.importorskip("mssql_python", reason="mssql-python does not load here", exc_type=ImportError)
    with serve(Database("shop"), user="reader", password=_SECRET) as running:
        yield running


@pytest.fixture
def naru(tmp_path: Path) -> Naru:
    return Naru(tmp_path, None)


def _env(naru: Naru, server: Server, **changes: str) -> None:
    host, port = server.address
    values = {"MSSQL_HOST": host, "MSSQL_PORT": str(port), "MSSQL_DB": "shop", "MSSQL_USER": "reader"}
    values |= {"MSSQL_PASSWORD": _SECRET, "MSSQL_TRUST_SERVER_CERTIFICATE": "true"} | changes
    text = "".join(f"{name}={value}\n" for name, value in values.items() if value)
    (naru.directory / ".env").write_text(text, "utf-8")


def _everything(naru: Naru, said: str) -> str:
    logs = naru.directory / "logs"
    return said + "".join(log.read_text("utf-8") for log in logs.iterdir()) if logs.is_dir() else said


def _url(server: Server, more: str = "") -> str:
    host, port = server.address
    return f"mssql://reader@{host}:{port}/shop?trust_server_certificate=true{more}"


@pytest.mark.parametrize("command", ["inspect", "map", "ddl", "migrate", "verify", "rejects replay"])
def test_every_command_that_reads_takes_the_server(naru: Naru, server: Server, command: str) -> None:
    said = naru(*command.split(), _url(server), "--password-stdin", typed=f"wrong-{_SECRET}\n", code=4)
    assert "/shop: connecting: Login failed for user 'reader'" in said
    assert "hint: check MSSQL_USER and MSSQL_PASSWORD" in said
    assert _SECRET not in _everything(naru, said)
    assert [login.password for login in server.logins] == [f"wrong-{_SECRET}"]


def test_the_typed_password_outranks_the_settings(naru: Naru, server: Server) -> None:
    _env(naru, server, MSSQL_PASSWORD="wrong")
    naru("inspect", "--password-stdin", typed=f"{_SECRET}\n", code=4)
    naru("inspect", _url(server), code=4)
    assert list(dict.fromkeys(login.password for login in server.logins)) == [_SECRET, "wrong"]


def test_a_password_in_the_url_is_refused_and_not_repeated(naru: Naru, server: Server) -> None:
    host, port = server.address
    said = naru("migrate", f"mssql://reader:{_SECRET}@{host}:{port}/shop", code=2)
    assert "list of processes" in said
    assert "--password-stdin" in said
    assert _SECRET not in _everything(naru, said)
    assert server.logins == []


@pytest.mark.parametrize(
    ("source", "setting", "code"),
    [
        (f"mssql:reader:{_SECRET}@h/shop", "", 2),
        (f"Server=h;Database=shop;UID=reader;PWD={_SECRET}", "", 4),
        (None, f"MSSQL_HOST=mssql://reader:{_SECRET}@h/shop\nMSSQL_DB=shop\nMSSQL_USER=r\nMSSQL_PASSWORD=p", 3),
        (None, f"ACCESS_PATH=mssql://reader:{_SECRET}@h/shop", 4),
        (None, f"MSSQL_PASSWORD='{_SECRET}", 3),
    ],
)
def test_a_password_in_a_wrong_place_is_not_repeated(naru: Naru, source: str | None, setting: str, code: int) -> None:
    (naru.directory / ".env").write_text(setting, "utf-8")
    said = naru("migrate", *([source] if source else []), code=code)
    assert "error: " in said
    assert _SECRET not in _everything(naru, said)


def test_the_wait_for_a_server_is_said(naru: Naru, server: Server) -> None:
    _env(naru, server)
    server.faults.refuse_connections(1)
    said = naru("inspect", code=4)
    assert "warning: source unavailable, trying again: error=127.0.0.1/shop: connecting:" in said


def test_what_a_server_says_does_not_steer_the_terminal(naru: Naru) -> None:
    refused = ServerError(50000, "no\x1b]0;owned\x07\x1b[2J way")
    with serve(Database("shop", answers={"SET NOCOUNT ON": refused}), password=_SECRET) as server:
        _env(naru, server, MSSQL_USER=server.user)
        said = naru("inspect", code=4)
    assert "no\\x1b]0;owned\\x07\\x1b[2J way" in said
    assert "\x1b" not in said


def test_the_settings_name_the_server(naru: Naru, server: Server) -> None:
    _env(naru, server)
    naru("inspect", code=4)
    assert {login.database for login in server.logins} == {"shop"}


def test_two_sources_need_a_word_which(naru: Naru, server: Server, sample: Path) -> None:
    _env(naru, server, ACCESS_PATH=str(sample))
    said = naru("inspect", code=3)
    assert "ACCESS_PATH and MSSQL_HOST" in said
    assert "DB_TYPE" in said
    _env(naru, server, ACCESS_PATH=str(sample), DB_TYPE="access")
    assert "items" in naru("inspect")
    assert server.logins == []
    _env(naru, server, ACCESS_PATH=str(sample), DB_TYPE="MSSQL")
    naru("inspect", code=4)
    assert server.logins != []
    assert "items" in naru("inspect", sample)


def test_a_kind_of_source_whose_settings_are_missing(naru: Naru, server: Server) -> None:
    (naru.directory / ".env").write_text("DB_TYPE=MSSQL\n", "utf-8")
    assert "MSSQL_HOST and MSSQL_DB are not set" in naru("inspect", code=3)
    (naru.directory / ".env").write_text("DB_TYPE=ACCESS\n", "utf-8")
    assert "ACCESS_PATH" in naru("inspect", code=3)
    _env(naru, server, MSSQL_DB="")
    assert "MSSQL_DB missing" in naru("inspect", code=3)


@pytest.mark.parametrize(
    ("command", "flag"),
    [
        ("migrate", "--salvage"),
        ("migrate", "--code-page=949"),
        ("inspect", "--follow-links=."),
        ("inspect", "--cross-check"),
    ],
)
def test_flags_of_access_files_are_refused(naru: Naru, server: Server, command: str, flag: str) -> None:
    _env(naru, server)
    assert flag.split("=")[0] in naru(command, _url(server), flag, code=2)
    assert server.logins == []


def test_a_certificate_that_nobody_vouches_for(naru: Naru, server: Server) -> None:
    _env(naru, server, MSSQL_TRUST_SERVER_CERTIFICATE="")
    said = naru("migrate", code=4)
    assert "certificate" in said
    assert "MSSQL_TRUST_SERVER_CERTIFICATE=true takes any certificate" in said
    assert _SECRET not in _everything(naru, said)
    assert server.logins == []
