"""mssql-python: Microsoft's driver without a driver manager, with results as Arrow batches."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

from pipeline.errors import SourceError
from pipeline.sources.mssql.clients.base import LOGIN_TIMEOUT_S, Batches, Login, Parameter
from pipeline.sources.mssql.refusal import LIBRARIES, refusal

_HEAD = re.compile(r"\[(\w{5})\] \((-?\d+)\)")
"""SQLSTATE and the server's number, as the driver writes them before a message."""
_HARMLESS = ("00", "01")
_CUT_OFF = "01004"
_BRACKETS = re.compile(r"(?:\[[^\]]*\] ?)+")
_STATES = {"Invalid authorization specification": "28000"}
"""By the driver's words for them, where what the server says may be in another language: before the login it is."""


class ArrowClient:
    """As `Client`."""

    def __init__(self, login: Login) -> None:
        self._name = login.name
        driver = _driver()
        self._error: type[Exception] = driver.exceptions.Exception
        with self._translated("connecting"):
            try:
                self._connection = driver.connect(login.text, autocommit=True, timeout=LOGIN_TIMEOUT_S)
            except (ImportError, OSError, RuntimeError) as error:  # what the loader says of a library that is not there
                raise _unusable(error) from error

    def execute(self, sql: str) -> None:
        with self._translated("a statement"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)

    def rows(self, sql: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[str, Any]]:
        with self._translated("a query"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, *parameters)
            names = [column[0] for column in cursor.description]
            found = cursor.fetchall()
            self._check(cursor)
            return [dict(zip(names, row, strict=True)) for row in found]

    def stream(self, sql: str, parameters: tuple[Parameter, ...] = (), *, batch_rows: int) -> Batches:
        with self._translated("reading rows"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, *parameters)
            while (batch := cursor.arrow_batch(batch_rows)).num_rows:
                self._check(cursor)
                yield batch
            self._check(cursor)

    def _check(self, cursor: Any) -> None:
        """Raise what went wrong behind the last rows.

        Measured with 1.16: a connection that drops, or an error of the server, in the midst of a fetch ends the rows
        as if there were no more; it stands in `messages` alone.
        """
        for head, text in cursor.messages:
            state, number = match.groups() if (match := _HEAD.fullmatch(head)) else ("", "0")
            if not state.startswith(_HARMLESS) or state == _CUT_OFF:
                raise refusal(f"{self._name}: reading rows", _said_by(text), state=state, number=int(number))
        cursor.messages.clear()

    def close(self) -> None:
        with suppress(self._error, RuntimeError):  # of a connection that is lost
            self._connection.close()

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            state = _STATES.get(getattr(error, "driver_error", ""))
            raise refusal(f"{self._name}: {what}", _said(error), state=state) from error


def _said(error: Exception) -> str:
    """The server's words alone; where the driver speaks, what it calls the state as well."""
    words, state = getattr(error, "ddbc_error", str(error)), getattr(error, "driver_error", "")
    return _said_by(words) if "[SQL Server]" in words else f"{state}: {_said_by(words)}"


def _said_by(text: str) -> str:
    """Without the names of those who passed it on."""
    return _BRACKETS.sub("", text, count=1) if text.startswith("[") else text


def _driver() -> Any:
    try:
        import mssql_python
    except (ImportError, OSError, RuntimeError) as error:
        raise _unusable(error) from error
    mssql_python.pooling(enabled=False)  # a pooled connection would bring another session's transaction and settings
    return mssql_python


def _unusable(error: Exception) -> SourceError:
    return SourceError(f"the driver for sql server cannot be loaded: {error}", hint=LIBRARIES)
