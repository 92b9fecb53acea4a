"""What is asked of a driver; which one answers is a matter of settings."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa

Parameter = bool | int | float | str | bytes | Decimal | None


class Client(Protocol):
    """One connection; not for two threads at once."""

    def execute(self, sql: str) -> None:
        """A statement without rows."""

    def rows(self, sql: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[str, Any]]:
        """All rows of a small result, by column name."""

    def stream(self, sql: str, parameters: tuple[Parameter, ...] = (), *, batch_rows: int) -> Iterator[pa.RecordBatch]:
        """Rows in bounded memory, with the columns as they are selected."""

    def close(self) -> None: ...
