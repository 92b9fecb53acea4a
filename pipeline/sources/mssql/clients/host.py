"""The program of the process that a `HostedClient` starts: one connection, asked one thing after the other.

Somebody waits for it to begin, so that little is imported; it ends with the process that asks.
"""

from __future__ import annotations

import os
import pickle
import signal
import sys
from contextlib import suppress
from queue import SimpleQueue
from threading import Thread
from traceback import format_exc
from typing import Any, BinaryIO

import pyarrow as pa

if sys.platform == "linux":
    import fcntl

from pipeline.errors import NaruError
from pipeline.sources.mssql.clients.base import Batches, Client, Login, Parameter
from pipeline.sources.mssql.clients.drivers import logged_in

Request = tuple[str, tuple[Any, ...]]
"""A method of `Host`, and its arguments."""
Answer = tuple[Exception | None, Any]
GREETING = b"\nnaru: the driver of the rows can be asked\n"
"""Comes before the first answer."""


class Host:
    """What can be asked for."""

    _client: Client
    _coming: Batches

    def log_in(self, login: Login) -> None:
        self._client = logged_in(login)

    def execute(self, sql: str) -> None:
        self._client.execute(sql)

    def rows(self, sql: str, parameters: tuple[Parameter, ...]) -> list[dict[str, Any]]:
        return self._client.rows(sql, parameters)

    def begin(self, sql: str, parameters: tuple[Parameter, ...], batch_rows: int) -> pa.RecordBatch | None:
        """The first batch of a stream."""
        self._coming = self._client.stream(sql, parameters, batch_rows=batch_rows)
        return self.more()

    def more(self) -> pa.RecordBatch | None:
        """The next, None behind the last."""
        return next(self._coming, None)

    def leave(self) -> None:
        """End the stream, and with it its statement."""
        self._coming.close()


def main(lifeline: int) -> None:
    """Answer until nobody can ask any more; `lifeline` is the end of a pipe on which nothing is ever said."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who asks decides what Ctrl-C ends
    _end_with(lifeline)
    requests, answers = _taken(0, "rb"), _taken(1, "wb")
    asked: SimpleQueue[Request] = SimpleQueue()
    Thread(target=_listen, args=(requests, asked), daemon=True).start()
    host = Host()
    with suppress(BrokenPipeError):
        answers.write(GREETING)
        answers.flush()
        while True:
            pickle.dump(_answer(host, *asked.get()), answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


def _end_with(lifeline: int) -> None:
    """Have the system end this process with the other: a driver may hold the lock that Python would need for it."""
    if sys.platform == "linux":
        signal.signal(signal.SIGIO, signal.SIG_DFL)  # what was ignored or blocked where it was started is so here
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGIO})
        fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
        fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)  # SIGIO, which kills


def _taken(standard: int, mode: str) -> BinaryIO:
    """A standard stream for us alone: a driver that reads or prints finds nothing in its place."""
    ours, nothing = os.dup(standard), os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, standard)
    os.close(nothing)
    return os.fdopen(ours, mode)  # type: ignore[return-value]


def _listen(requests: BinaryIO, asked: SimpleQueue[Request]) -> None:
    try:
        while True:
            asked.put(pickle.load(requests))  # noqa: S301 (from the process that started this one)
    finally:
        os._exit(0)  # nobody asks any more, whatever the driver waits for


def _answer(host: Host, name: str, arguments: tuple[Any, ...]) -> Answer:
    try:
        return None, getattr(host, name)(*arguments)
    except NaruError as error:
        return error, None
    except BaseException as error:  # noqa: BLE001 (a bug, to be told where others are)
        told = RuntimeError(f"{type(error).__name__}: {error}")
        told.add_note(format_exc())
        return told, None
