"""A server that speaks TDS 7.4 to the real drivers, for tests on machines that have no SQL Server.

What is real: the protocol. Packets, TLS inside TDS, LOGIN7 with its password, batches, sp_executesql, sp_prepare,
sp_prepexec, sp_execute and sp_unprepare with typed parameters, transactions by request, attention, and every type's
form on the wire, as rows with and without NULL. msodbcsql 18, FreeTDS and mssql-python are driven with it as they are.

What is not: the SQL. A statement is answered from `Database.answers` by its exact text, or it is a SELECT from one
served table (`statement`), or a SET, USE or transaction statement, which does nothing. Nothing can be written. All else
ends in an error token that names it; nothing is guessed. Text is sorted without case and not as Windows does.

    with serve(Database("shop", tables=[ServedTable("dbo", "orders", columns, rows)])) as server:
        connect(*server.address, server.user, server.password)
        server.faults.add(Fault("orders", after_rows=100))
        assert server.statements[-1].text == "SELECT ..."
"""

from __future__ import annotations

import socket
import socketserver
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from tests.tds.certificate import Certificate, make_certificate
from tests.tds.database import Database
from tests.tds.faults import Dropped, Faults
from tests.tds.login import Login, acceptance, read_login, refusal
from tests.tds.packets import Channel, Disconnected
from tests.tds.session import Session, Statement
from tests.tds.statement import TableStore

_GONE = (Disconnected, Dropped, ConnectionError)


class Server:
    """What a test sees of a running server."""

    def __init__(self, database: Database, user: str, password: str, certificate: Certificate | None) -> None:
        self.database, self.user, self.password, self.certificate = database, user, password, certificate
        self.faults = Faults()
        self.statements: list[Statement] = []
        """All that any session was asked, in the order it came in."""
        self.logins: list[Login] = []
        self.bugs: list[BaseException] = []
        """Of this server, which end the test."""
        self._stores = {table.full_name: TableStore(table) for table in database.tables}
        self._numbers = count(1)
        self._open: set[socket.socket] = set()
        self._listener = _Listener(("127.0.0.1", 0), self._connected)
        self._thread = threading.Thread(target=self._listener.serve_forever, args=(0.05,), name="tds-server")

    @property
    def address(self) -> tuple[str, int]:
        host, port, *_ = self._listener.server_address
        return str(host), int(port)

    @property
    def texts(self) -> list[str]:
        """Of the statements."""
        return [statement.text for statement in self.statements]

    def drop_all(self) -> None:
        """End every connection, wherever it is."""
        for connection in list(self._open):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._listener.shutdown()
        self.drop_all()
        self._listener.server_close()
        self._thread.join()

    def _connected(self, connection: socket.socket) -> None:
        self._open.add(connection)
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if not self.faults.refuse_connection():
                self._serve(connection)
        except _GONE:
            pass
        except BaseException as error:
            self.bugs.append(error)
            raise
        finally:
            self._open.discard(connection)

    def _serve(self, connection: socket.socket) -> None:
        channel = Channel(connection.recv, connection.sendall)
        tls = self.certificate.context() if self.certificate else None
        login = read_login(connection, channel, tls)
        self.logins.append(login)
        if (login.user, login.password) != (self.user, self.password) or self.faults.refuse_login():
            channel.write(refusal(login))
            return
        channel.write(acceptance(login, self.database.name, self.database.default_collation))
        channel.packet_bytes = login.packet_bytes
        session = Session(next(self._numbers), login, self.database, self._stores, self.faults, self.statements.append)
        session.run(connection, channel)


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], connected: Any) -> None:
        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                connected(self.request)

        super().__init__(address, Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """`Server.bugs` has it."""


@contextmanager
def serve(
    database: Database, *, user: str = "reader", password: str = "Päss;wörd1", encrypted: bool = True
) -> Iterator[Server]:
    """A server on a free port of this machine, until the end of the block; its own bugs are raised there."""
    with tempfile.TemporaryDirectory(prefix="naru-tds-") as folder:
        server = Server(database, user, password, make_certificate(Path(folder)) if encrypted else None)
        server.start()
        try:
            yield server
        finally:
            server.stop()
        if server.bugs:
            raise server.bugs[0]
