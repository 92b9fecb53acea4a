"""The listening end of a server, which runs in the process of its `host`."""

from __future__ import annotations

import socket
import socketserver
import tempfile
import threading
import traceback
from contextlib import suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from tests.tds.certificate import Certificate, make_certificate
from tests.tds.database import Database
from tests.tds.faults import Faults
from tests.tds.login import Login, acceptance, read_login, refusal
from tests.tds.packets import Channel, Disconnected, Dropped, Silenced
from tests.tds.session import Session, Statement
from tests.tds.statement import TableStore

_GONE = (Disconnected, Dropped, ConnectionError)


@cache
def _certificate() -> Certificate:
    """One for all servers of the process."""
    return make_certificate(Path(_folder().name))


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    """Goes with the process."""
    return tempfile.TemporaryDirectory(prefix="naru-tds-")


class Listener:
    """Serves one database on a free port, each client in a thread of its own, until it is stopped."""

    def __init__(self, database: Database, user: str, password: str, *, encrypted: bool) -> None:
        self._database, self._user, self._password = database, user, password
        self._certificate = _certificate() if encrypted else None
        self._faults = Faults()
        self._statements: list[Statement] = []
        self._logins: list[Login] = []
        self._bugs: list[str] = []
        self._stores = {table.full_name: TableStore(table) for table in database.tables}
        self._numbers = count(1)
        self._open: set[socket.socket] = set()
        self._sockets = _Sockets(("127.0.0.1", 0), self._connected)
        self._thread = threading.Thread(target=self._sockets.serve_forever, args=(0.05,), name="tds-server")
        self._thread.start()

    def address(self) -> tuple[str, int]:
        host, port, *_ = self._sockets.server_address
        return str(host), int(port)

    def certificate(self) -> Certificate | None:
        return self._certificate

    def faults(self) -> Faults:
        return self._faults

    def statements(self) -> list[Statement]:
        return list(self._statements)

    def logins(self) -> list[Login]:
        return list(self._logins)

    def drop_all(self) -> None:
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def stop(self) -> list[str]:
        """End it with all its connections; what went wrong in it that no test ordered, as tracebacks."""
        self._sockets.shutdown()
        self.drop_all()
        self._sockets.server_close()
        self._thread.join()
        return self._bugs

    def _connected(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self._faults.refuses_connection():
                self._serve(connection)
        except Silenced:
            _wait_for_the_end(connection)
        except _GONE:
            pass
        except Exception:  # noqa: BLE001  whatever it is, `stop` hands it to the test
            self._bugs.append(traceback.format_exc())
        finally:
            self._open.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        channel = Channel(connection.recv, connection.sendall)
        tls = self._certificate.context() if self._certificate else None
        login = read_login(connection, channel, tls)
        self._logins.append(login)
        if (login.user, login.password) != (self._user, self._password) or self._faults.refuses_login():
            channel.write(refusal(login))
            return
        channel.write(acceptance(login, self._database.name, self._database.default_collation))
        channel.packet_bytes = login.packet_bytes
        session = Session(next(self._numbers), self._database, self._stores, self._faults, self._statements.append)
        session.run(connection, channel)


def _wait_for_the_end(connection: socket.socket) -> None:
    """Whatever the client still sends, an attention among it, is not looked at."""
    with suppress(OSError):
        while connection.recv(4096):
            pass


class _Sockets(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], connected: Any) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connected(self.request)

        super().__init__(address, Handler)
