"""What the engine asks of a source; Access, SQL Server and .bacpac each answer it."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Protocol, Self

from pipeline.batch import Batch, Fingerprint, Position
from pipeline.catalog import Catalog


class Source(Protocol):
    """A read-only origin of tables, open while it is a context manager.

    Every method may be called again and gives the same answer while the source is unchanged.
    All raise SourceError, and SourceChanged when the content is no longer what it was.
    """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def catalog(self) -> Catalog:
        """Tables, columns, keys and notices; reads no rows of user tables."""

    def fingerprint(self) -> Fingerprint:
        """Identity of the content: from all of a file, and of a live database from its name and schema."""

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        """Rows after a position in source order, in batches of at most `batch_rows`.

        A batch is also bounded in bytes, so it may hold fewer rows (at least one). `columns` limits
        what is decoded; None is all. Raises SourceChanged at the end if the source has changed, and
        SourceError for a position of another table.
        """

    def count(self, table: str) -> int:
        """Rows that `batches` would deliver from the start, found without decoding values."""
