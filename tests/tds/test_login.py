"""Who gets in, and what is encrypted on the way."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.tds.database import Database, ServedColumn, ServedTable
from tests.tds.drivers import (
    CLIENTS,
    arrow_client,
    freetds_client,
    login,
    microsoft_client,
    mssql_python,
    pyodbc,
    rows,
)
from tests.tds.login import Encryption
from tests.tds.server import serve

_SHOP = Database("shop", tables=[ServedTable("dbo", "t", [ServedColumn("v", "int")], [(1,), (2,)])])


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_client_that_logs_in_is_known_and_encrypted(client: Any) -> None:
    with serve(_SHOP, user="리더", password="Pä ss;wörd") as server:
        with client(server) as connection:
            assert rows(connection, "SELECT v FROM t") == [(1,), (2,)]
        assert [(known.user, known.password, known.database) for known in server.logins] == [
            ("리더", "Pä ss;wörd", "shop")
        ]
        assert server.logins[0].encryption is Encryption.ON


@pytest.mark.parametrize("client", CLIENTS.values(), ids=CLIENTS)
def test_a_wrong_password_is_refused(client: Any) -> None:
    with serve(_SHOP) as server:
        with pytest.raises(Exception, match="Login failed for user 'reader'"), client(server, password="wrong"):
            pass
        assert server.logins[0].password == "wrong"
        assert server.statements == []


@pytest.mark.parametrize("client", [arrow_client, microsoft_client], ids=["mssql-python", "msodbcsql"])
def test_a_certificate_that_nobody_trusts_is_refused(client: Any) -> None:
    with serve(_SHOP) as server:
        with pytest.raises(Exception, match="certificate verify failed"), client(server, "Encrypt=yes"):
            pass
        assert server.logins == []


def test_a_certificate_that_is_trusted_is_accepted() -> None:
    mssql_python()
    with serve(_SHOP) as server:
        assert server.certificate
        text = f"SERVER=localhost,{server.address[1]};{login(server)};Encrypt=yes;TrustServerCertificate=no"
        program = f"import mssql_python\nmssql_python.connect({text!r}).close()"
        trusting = os.environ | {"SSL_CERT_FILE": str(server.certificate.path)}
        subprocess.run([sys.executable, "-c", program], env=trusting, check=True, timeout=60)
        assert server.logins[0].encryption is Encryption.ON


def test_freetds_encrypts_only_where_it_is_told_in_its_own_word() -> None:
    with serve(_SHOP) as server:
        for how in ("Encrypt=yes", "Encryption=require", "Encryption=off"):
            with freetds_client(server, how) as connection:
                assert rows(connection, "SELECT v FROM t") == [(1,), (2,)]
        assert [known.encryption for known in server.logins] == [
            Encryption.LOGIN_ONLY,
            Encryption.ON,
            Encryption.NONE,
        ]


def test_a_server_without_tls_is_refused_where_it_is_wanted() -> None:
    with serve(_SHOP, encrypted=False) as server:
        with pytest.raises(mssql_python().Error, match="Encryption not supported"), arrow_client(server):
            pass
        with arrow_client(server, "Encrypt=no") as connection:
            assert rows(connection, "SELECT v FROM t") == [(1,), (2,)]


def test_a_server_that_has_ended_listens_no_more() -> None:
    with serve(_SHOP) as server:
        pass
    with pytest.raises(pyodbc().Error, match="Unable to connect"), freetds_client(server):
        pass
