"""What is asked of a connection to SQL Server, whichever driver carries it."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Protocol

import pyarrow as pa

LOGIN_TIMEOUT_S: Final = 15
Batches = Generator[pa.RecordBatch, None, None]
Parameter = bool | int | float | str | bytes | Decimal | None


@dataclass(frozen=True, slots=True)
class Login:
    """How a driver is told where the server is, and who asks."""

    name: str
    """Host and database, for messages."""
    text: str = field(repr=False)
    """The connection string, with the password."""
    by_odbc: bool = False
    """Whether it names a driver of ODBC; else it is for the one that mssql-python brings."""


class Client(Protocol):
    """One connection; not for two threads at once, and one open `stream` at a time.

    All raise ConnectionLost when the connection is gone, and StatementRefused with the server's own words.
    """

    def execute(self, sql: str) -> None:
        """Run what gives no rows: SET, BEGIN TRANSACTION."""

    def rows(self, sql: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[str, Any]]:
        """A small result whole, each row by column name."""

    def stream(self, sql: str, parameters: tuple[Parameter, ...] = (), *, batch_rows: int) -> Batches:
        """A result of any length in bounded memory, by batches that are not empty, with the columns as selected.

        Types: bool, uint8, int16, int32, int64, float, double, decimal128(p, s) (money is 19,4, smallmoney 10,4),
        date32, time64[ns], timestamp[us] for datetime, smalldatetime and datetime2, timestamp[us, +00:00] for
        datetimeoffset, large_string and large_binary. Digits beyond a microsecond are cut off, towards the past,
        but for time. Left early, it ends the statement.
        """

    def close(self) -> None:
        """End the session; may be called again, and never raises."""
