"""A connection of a source: made when it is needed, and again after it was lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, TypeVar

from tenacity import Retrying

from pipeline.errors import ConnectionLost, SourceError
from pipeline.log import get_logger
from pipeline.prefetch import pause
from pipeline.retry import REOPEN, resuming
from pipeline.sources.mssql.clients.base import Batches, Client, Parameter

T = TypeVar("T")
_CLOSING_S = 2.0
_CLOSED = "the source is closed"
_ALIVE = "SELECT 1 AS alive"
_log = get_logger()


def patient(progress: Callable[[], object]) -> Retrying:
    """REOPEN for work that takes long, as `resuming` is RECONNECT for such; a thread ends its wait with its work."""
    return resuming(progress).copy(retry=REOPEN.retry, wait=REOPEN.wait, before_sleep=REOPEN.before_sleep, sleep=pause)


class Session:
    """A connection for any thread; what is asked of it ends the rows that were still coming for another."""

    def __init__(self, connect: Callable[[], Client], abort: Callable[[], object] = lambda: None) -> None:
        """`connect` makes one that is ready to read, and raises SourceError; `abort` ends what a thread waits for."""
        self._connect, self._abort = connect, abort
        self._client: Client | None = None
        self._coming: Batches | None = None
        self._lock = Lock()
        self._closed = False

    def close(self) -> None:
        """May be called again; nothing is asked any more.

        A connection on which another thread waits, and that cannot be aborted, is left to the process's end.
        """
        self._closed = True
        self._abort()
        if not self._lock.acquire(timeout=_CLOSING_S):
            _log.warning("a connection is left open, as its server does not answer")
            return
        try:
            self._end_rows()
            client, self._client = self._client, None
            if client is not None:
                client.close()
        finally:
            self._lock.release()

    def ask(self, question: Callable[[Client], T]) -> T:
        """The answer to what can be asked twice: a lost connection is made anew."""
        answer: T = patient(lambda: None)(self._ask, question)
        return answer

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """A small result."""
        return self.ask(lambda client: client.rows(sql))

    def stream(self, sql: str, parameters: tuple[Parameter, ...], *, batch_rows: int) -> Iterator[Any]:
        """pyarrow.RecordBatch after RecordBatch. Raises ConnectionLost; what is asked next connects again."""
        with self._lock, self._connected() as client:
            self._coming = coming = client.stream(sql, parameters, batch_rows=batch_rows)
        while (piece := self._next(coming)) is not None:
            yield piece

    def _ask(self, question: Callable[[Client], T]) -> T:
        with self._lock, self._connected() as client:
            return question(client)

    def _next(self, coming: Iterator[Any]) -> Any:
        with self._lock:
            if self._coming is not coming:
                raise SourceError("rows were still to come when the connection was asked for something else")
            with self._losing():
                piece = next(coming, None)
                if piece is None and self._client is not None:
                    self._client.rows(_ALIVE)  # a driver may take a lost connection for the end of the rows
                return piece

    @contextmanager
    def _connected(self) -> Iterator[Client]:
        if self._closed:
            raise SourceError(_CLOSED)
        self._end_rows()
        with self._losing():
            if self._client is None:
                self._client = self._connect()
            yield self._client

    @contextmanager
    def _losing(self) -> Iterator[None]:
        """Let go of a connection that is lost."""
        try:
            yield
        except ConnectionLost as error:
            lost, self._client, self._coming = self._client, None, None
            if lost is not None:
                lost.close()
            if self._closed:  # by us: nobody is to hear of another try
                raise SourceError(_CLOSED) from error
            raise

    def _end_rows(self) -> None:
        coming, self._coming = self._coming, None
        if coming is not None:
            coming.close()
