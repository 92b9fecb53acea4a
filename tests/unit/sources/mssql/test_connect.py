"""What becomes of a connection: made, refused, not trusted, not there; and what a session begins with."""

from __future__ import annotations

import os
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.errors import ConnectionLost, NaruError, SettingsError, SourceError, StatementRefused
from pipeline.sources.mssql.clients import arrow, odbc
from pipeline.sources.mssql.connect import PREFERRED, SESSION, connect
from tests.tds.certificate import Certificate, make_certificate
from tests.tds.database import Database
from tests.tds.drivers import address_of, odbc_driver
from tests.tds.login import Login
from tests.tds.server import Server, serve
from tests.tds.tokens import ServerError, done
from tests.unit.sources.mssql.conftest import Lead

_ROOT = Path(__file__).resolve().parents[4]
_SECRET = "geheim-9"


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(Database("shop")) as running:
        yield running


def _refused(address: object) -> NaruError:
    with pytest.raises(NaruError) as caught:
        connect(address)  # type: ignore[arg-type]
    assert caught.value.hint
    assert _SECRET not in str(caught.value)
    return caught.value


def test_a_session_is_the_same_whatever_a_server_or_driver_has_set(lead: Lead, server: Server) -> None:
    connect(lead(server)).close()
    ours = [text for text in server.texts if text in (*SESSION, *PREFERRED)]
    assert ours == [*SESSION, *PREFERRED]


def _without(setting: str) -> Database:
    """A server that does not know a SET option, as Babelfish does not know some."""
    unknown = ServerError(195, f"{setting!r} is not a recognized SET option.")
    return Database("shop", answers={setting: unknown})


def test_a_server_that_does_not_take_a_preference_is_read_all_the_same(lead: Lead) -> None:
    with serve(_without(PREFERRED[0])) as server:
        connect(lead(server)).close()
        assert server.texts[-1] == PREFERRED[-1]


def test_a_server_that_does_not_take_what_the_rows_need_is_not_read(lead: Lead) -> None:
    with serve(_without("SET TEXTSIZE -1")) as server, pytest.raises(StatementRefused, match="TEXTSIZE"):
        connect(lead(server))


_HOSTILE = [
    ("a;Server=evil.example;{b}} ", "pä;ss{w}ör}d'=한글};Encrypt=no", "d}b;UID=sa"),
    ("sa'--", "}", "{d}"),
    (" PWD=x", "{a}b}c;", ";"),
    ("한글\\사용자", "a};", "}};x={y}"),
]


@pytest.mark.parametrize(("user", "password", "database"), _HOSTILE)
def test_user_password_and_database_arrive_whatever_they_hold(
    lead: Lead, user: str, password: str, database: str
) -> None:
    with serve(Database("shop"), user=user, password=password) as server:
        address = lead(server, database=database)
        if "tds" in str(address.odbc_driver) and "};" in user + password + database:  # it has no way to write that
            assert "'};'" in _refused(address).message
            return
        connect(address).close()
        assert [(login.user, login.password, login.database) for login in server.logins] == [(user, password, database)]


def test_a_wrong_password_is_told_at_once_and_not_shown(lead: Lead, server: Server) -> None:
    error = _refused(lead(server, password=SecretStr(_SECRET)))
    assert not isinstance(error, ConnectionLost)
    assert "Login failed for user 'reader'" in error.message
    assert "MSSQL_PASSWORD" in str(error.hint)
    assert [login.password for login in server.logins] == [_SECRET]  # once


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Microsoft's driver tries again by itself until the time for a login is over."""
    for client in (arrow, odbc):
        monkeypatch.setattr(client, "LOGIN_TIMEOUT_S", 1)


@pytest.mark.usefixtures("impatient")
def test_a_port_where_nobody_listens(lead: Lead, server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    error = _refused(lead(server, port=port))
    assert isinstance(error, ConnectionLost)
    assert "firewall" in str(error.hint)


@pytest.mark.usefixtures("impatient")
def test_a_host_that_nobody_knows(lead: Lead, server: Server) -> None:
    error = _refused(lead(server, host="nobody.invalid"))
    assert isinstance(error, ConnectionLost)
    assert "nobody.invalid" in error.message


def test_a_server_that_hangs_up_before_it_says_anything(lead: Lead, server: Server) -> None:
    server.faults.refuse_connections(1)
    assert isinstance(_refused(lead(server)), ConnectionLost)
    connect(lead(server)).close()


def test_everything_is_encrypted_unless_told_otherwise(lead: Lead, server: Server) -> None:
    connect(lead(server)).close()
    assert {login.encryption.name for login in server.logins} == {"ON"}


@pytest.mark.parametrize("driver", ["mssql-python", "msodbcsql"])
def test_a_certificate_that_nobody_vouches_for_ends_it_before_the_password_is_sent(server: Server, driver: str) -> None:
    error = _refused(address_of(server, trust_server_certificate=False, odbc_driver=odbc_driver(driver)))
    assert not isinstance(error, ConnectionLost)
    assert "certificate" in error.message
    assert "MSSQL_SERVER_CERTIFICATE" in str(error.hint)
    assert server.logins == []


def test_a_server_too_old_for_strict_encryption_hangs_up_and_the_hint_says_why(server: Server) -> None:
    error = _refused(address_of(server, encrypt="strict", trust_server_certificate=False))
    assert isinstance(error, ConnectionLost)
    assert "MSSQL_ENCRYPT=strict needs SQL Server 2022" in str(error.hint)


def test_freetds_would_trust_any_certificate_so_it_must_be_asked_to(server: Server) -> None:
    driver = odbc_driver("freetds")
    for how in ({"trust_server_certificate": False}, {"trust_server_certificate": False, "encrypt": "strict"}):
        with pytest.raises(SettingsError, match="does not check whose certificate"):
            connect(address_of(server, odbc_driver=driver, **how))
    with pytest.raises(SettingsError, match="ActiveDirectoryDefault"):
        connect(address_of(server, odbc_driver=driver, authentication="ActiveDirectoryDefault"))
    assert server.logins == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the driver asks the system's own store")
def test_a_certificate_is_trusted_where_the_machine_trusts_its_issuer(server: Server) -> None:
    pytest.importorskip("mssql_python", exc_type=ImportError)
    assert server.certificate
    trusting = _in_a_process(server, {"SSL_CERT_FILE": str(server.certificate.path)})
    assert (trusting.returncode, trusting.stdout) == (0, "connected\n"), trusting.stderr


def _in_a_process(
    server: Server, environment: dict[str, str], driver: str | None = None
) -> subprocess.CompletedProcess[str]:
    program = (
        "import sys; from pydantic import SecretStr; from pipeline.errors import SourceError\n"
        "from pipeline.sources.mssql.address import Address; from pipeline.sources.mssql.connect import connect\n"
        "try: connect(Address('localhost', int(sys.argv[1]), 'shop', 'reader', SecretStr(sys.argv[2]),"
        " odbc_driver=sys.argv[3] or None)).close()\n"
        "except SourceError as error: sys.exit(str(error))\n"
        "print('connected')"
    )
    return subprocess.run(
        [sys.executable, "-c", program, str(server.address[1]), server.password, driver or ""],
        env=os.environ | environment | {"PYTHONPATH": str(_ROOT)},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="libraries are found otherwise there")
@pytest.mark.parametrize(
    ("library", "driver", "package"),
    [("libltdl.so.7", None, "libltdl7"), ("libkrb5.so.3", None, "libkrb5-3"), ("libodbc.so.2", "FreeTDS", "libodbc2")],
)
def test_a_library_that_is_missing_is_told_with_the_package_that_has_it(
    tmp_path: Path, server: Server, library: str, driver: str | None, package: str
) -> None:
    pytest.importorskip("mssql_python", exc_type=ImportError)
    (tmp_path / library).write_bytes(b"")  # found before the right one, and not to be loaded
    ended = _in_a_process(server, {"LD_LIBRARY_PATH": str(tmp_path)}, driver)
    assert ended.returncode == 1
    assert f"apt-get install {package}" in ended.stderr or f" {package} " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_an_odbc_driver_that_is_not_there(server: Server, tmp_path: Path) -> None:
    pytest.importorskip("pyodbc", exc_type=ImportError)
    for name, told in (("No Such Driver", "is not registered"), (str(tmp_path / "libno.so"), "no such file")):
        with pytest.raises(SettingsError, match=told):
            connect(address_of(server, odbc_driver=name))
    (tmp_path / "libmsodbcsql.so").write_bytes(b"no library")
    with pytest.raises(SourceError, match="ldd"):
        connect(address_of(server, odbc_driver=str(tmp_path / "libmsodbcsql.so")))


class _Strict(socketserver.ThreadingTCPServer):
    """TDS 8 in front of a server that does not encrypt: TLS comes first, and all of TDS inside of it."""

    def __init__(self, server: Server, certificate: Certificate) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.path, certificate.key_path)
        context.set_alpn_protocols(["tds/8.0"])

        class Relay(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                with (
                    suppress(OSError),
                    context.wrap_socket(self.request, server_side=True) as client,
                    socket.create_connection(server.address) as inner,
                ):
                    back = threading.Thread(target=_pump, args=(inner, client))
                    back.start()
                    _pump(client, inner)
                    back.join()

        super().__init__(("127.0.0.1", 0), Relay)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    for end in (source, sink):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


@contextmanager
def _strict(server: Server, certificate: Certificate) -> Iterator[int]:
    """The port of a `_Strict`."""
    with _Strict(server, certificate) as relay:
        thread = threading.Thread(target=relay.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield relay.server_address[1]
        finally:
            relay.shutdown()
            thread.join()


@pytest.mark.parametrize("driver", ["mssql-python", "msodbcsql"])
def test_strict_takes_the_certificate_that_it_is_given_and_no_other(tmp_path: Path, driver: str) -> None:
    (tmp_path / "ours").mkdir()
    (tmp_path / "other").mkdir()
    ours, other = make_certificate(tmp_path / "ours"), make_certificate(tmp_path / "other")
    library = odbc_driver(driver)
    with serve(Database("shop"), encrypted=False) as server, _strict(server, ours) as port:
        for certificate in (None, other.path, ours.path):
            address = address_of(
                server,
                host="localhost",
                port=port,
                trust_server_certificate=False,
                encrypt="strict",
                server_certificate=certificate,
                odbc_driver=library,
            )
            if certificate != ours.path:
                assert "certificate" in _refused(address).message
                assert server.logins == []
        connect(address).close()
        assert len(server.logins) == 1


def _in_korean(login: Login) -> Iterator[bytes]:
    yield ServerError(18456, f"사용자 '{login.user}'이(가) 로그인하지 못했습니다.", 14).token()
    yield done(error=True)


def test_a_login_that_a_korean_server_refuses_is_told_what_to_check(
    lead: Lead, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No session has asked for English yet."""
    monkeypatch.setattr("tests.tds.listener.refusal", _in_korean)
    with serve(Database("shop"), in_this_process=True) as server:
        server.faults.refuse_logins(1)
        error = _refused(lead(server))
    assert "로그인하지 못했습니다" in error.message
    assert "MSSQL_PASSWORD" in str(error.hint)
