"""A live SQL Server as a source: the outside of the reader."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Self

from pipeline.batch import Batch, Fingerprint, Position
from pipeline.catalog import Catalog
from pipeline.errors import UnsupportedSource
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.connect import connect


class MssqlSource:
    """The connection alone; its tables are not read yet."""

    def __init__(self, address: Address) -> None:
        self._address = address

    def __enter__(self) -> Self:
        connect(self._address).close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        pass

    def catalog(self) -> Catalog:
        raise self._not_yet()

    def fingerprint(self) -> Fingerprint:
        raise self._not_yet()

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        raise self._not_yet()

    def count(self, table: str) -> int:
        raise self._not_yet()

    def _not_yet(self) -> UnsupportedSource:
        return UnsupportedSource(f"{self._address.name}: live databases are not read yet", hint="export a .bacpac")
