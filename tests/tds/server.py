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

It runs in a process of its own, one for all servers of a test run: mssql-python holds Python's lock while it waits
for the rows of a (max) column, and a server in the same process could then never send them. So what a test serves
has to be such as `pickle` takes: its functions are functions of a module, or `functools.partial` of them. A test whose
answers change as it goes says `in_this_process=True`, and keeps away from such columns.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from multiprocessing.managers import BaseManager
from typing import Any

from tests.tds.certificate import Certificate
from tests.tds.database import Database
from tests.tds.faults import Faults
from tests.tds.listener import Listener
from tests.tds.login import Login
from tests.tds.session import Statement


class Server:
    """What a test sees of a running server."""

    def __init__(self, database: Database, user: str, password: str, listener: Any) -> None:
        self.database, self.user, self.password, self._listener = database, user, password, listener
        self.address: tuple[str, int] = listener.address()
        self.certificate: Certificate | None = listener.certificate()
        """For a client that shall trust it."""
        self.faults: Faults = listener.faults()

    @property
    def statements(self) -> list[Statement]:
        """All that any session was asked, in the order it came in."""
        return list(self._listener.statements())

    @property
    def texts(self) -> list[str]:
        """Of the statements."""
        return [statement.text for statement in self.statements]

    @property
    def logins(self) -> list[Login]:
        """Of all sessions, refused ones too."""
        return list(self._listener.logins())

    def drop_all(self) -> None:
        """End every connection, wherever it is."""
        self._listener.drop_all()


class _Host(BaseManager):
    """The process that the servers run in."""


_Host.register("Faults", create_method=False)
_Host.register("Listener", Listener, method_to_typeid={"faults": "Faults"})


@cache
def _host() -> Any:
    host = _Host(ctx=get_context("spawn"))
    host.start(_end_with_parent)
    return host


def _end_with_parent() -> None:
    """Even where a test run is killed, its servers do not stay."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def serve(
    database: Database,
    *,
    user: str = "reader",
    password: str = "Päss;wörd1",
    encrypted: bool = True,
    in_this_process: bool = False,
) -> Iterator[Server]:
    """A server on a free port of this machine, until the end of the block; its own bugs fail the test there."""
    start = Listener if in_this_process else _host().Listener
    listener = start(database, user, password, encrypted=encrypted)
    try:
        yield Server(database, user, password, listener)
    finally:
        bugs = listener.stop()
    assert not bugs, "\n".join(bugs)
