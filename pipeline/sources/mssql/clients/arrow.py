"""mssql-python: Microsoft's driver without a driver manager, with results as Arrow batches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import pyarrow as pa

from pipeline.errors import SourceError
from pipeline.log import get_logger
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.clients.base import Parameter
from pipeline.sources.mssql.clients.keywords import LOGIN_TIMEOUT_S, connection_string, microsoft
from pipeline.sources.mssql.refusal import refusal

_LIBRARIES = (
    "on Debian and Ubuntu: apt-get install libltdl7 libkrb5-3 libgssapi-krb5-2 (or `make libraries`); where there is "
    "no driver for this system, as on Alpine, name another: MSSQL_ODBC_DRIVER"
)
_log = get_logger()


class ArrowClient:
    """As `Client`."""

    def __init__(self, address: Address) -> None:
        self._name = address.name
        driver = _driver()
        self._error: type[Exception] = driver.exceptions.Exception
        with self._translated("connecting"):
            try:
                self._connection = driver.connect(
                    connection_string(microsoft(address)), autocommit=True, timeout=LOGIN_TIMEOUT_S
                )
            except (ImportError, OSError, RuntimeError) as error:  # what the loader says of a library that is not there
                raise _unusable(error) from error

    def execute(self, sql: str) -> None:
        with self._translated("a statement"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql)

    def rows(self, sql: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[str, Any]]:
        with self._translated("a query"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, *parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def stream(self, sql: str, parameters: tuple[Parameter, ...] = (), *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        with self._translated("reading rows"), closing(self._connection.cursor()) as cursor:
            cursor.execute(sql, *parameters)
            with closing(cursor.arrow_reader(batch_rows)) as reader:
                yield from reader

    def close(self) -> None:
        try:
            self._connection.close()
        except (self._error, RuntimeError) as error:
            _log.debug("a connection did not close well", source=self._name, error=str(error))

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except self._error as error:
            raise refusal(f"{self._name}: {what}", _said(error)) from error


def _said(error: Exception) -> str:
    """The server's words alone; where the driver speaks, what it calls the state as well."""
    words, state = getattr(error, "ddbc_error", str(error)), getattr(error, "driver_error", "")
    words = words.removeprefix("[Microsoft]")
    return words.removeprefix("[SQL Server]") if words.startswith("[SQL Server]") else f"{state}: {words}"


def _driver() -> Any:
    try:
        import mssql_python
    except (ImportError, OSError, RuntimeError) as error:
        raise _unusable(error) from error
    mssql_python.pooling(enabled=False)  # a pooled connection would bring another session's transaction and settings
    return mssql_python


def _unusable(error: Exception) -> SourceError:
    return SourceError(f"the driver for sql server cannot be loaded: {error}", hint=_LIBRARIES)
