"""The rows of a table as they come from the server: page after page by its key, or in one pass where it has none.

A page is a statement of its own. A lost connection is made anew, and reading goes on behind the last row that came.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.errors import ConnectionLost, SourceChanged, SourceError
from pipeline.prefetch import pause
from pipeline.sources.mssql.clients.base import Parameter
from pipeline.sources.mssql.quoting import bracketed
from pipeline.sources.mssql.rows.keyset import Keyset
from pipeline.sources.mssql.rows.layout import Layout
from pipeline.sources.mssql.schema.tables import SqlTable
from pipeline.sources.mssql.session import Session, patient

PAGE_ROWS = 200_000
"""Planning a statement costs milliseconds, and so many rows take about a second."""
_AGAIN = "run the same command again: a table without a key is then loaded from its start"


@dataclass(frozen=True, slots=True)
class Place:
    """Where rows end: how many of the table, and the key of the last."""

    rows: int = 0
    key: list[object] | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Rows as a driver gives them, at least one."""

    rows: Any
    """pyarrow.RecordBatch"""
    end: Place


def name_of(table: SqlTable) -> str:
    """What stands behind FROM."""
    return f"{bracketed(table.schema)}.{bracketed(table.table)}"


def statement(table: SqlTable, layout: Layout, keyset: Keyset | None, *, first: bool) -> str:
    """The SELECT of a page, the first or a later one, or of the whole table where it has no key."""
    if keyset is None:
        return f"SELECT {layout.sql} FROM {name_of(table)}"  # noqa: S608 (every name is bracketed)
    where = "" if first else f" WHERE {keyset.after}"
    rest = f"FROM {name_of(table)}{where} ORDER BY {keyset.order}"
    return f"SELECT TOP ({PAGE_ROWS}) {layout.sql} {rest}"


class Pages:
    """Iterates the pieces of a table behind a place, once."""

    def __init__(self, session: Session, table: SqlTable, layout: Layout, after: Place, *, fetch_rows: int) -> None:
        self._session, self._table, self._layout, self._keyset = session, table, layout, layout.keyset
        self._fetch_rows = fetch_rows
        self._end = after
        self._coming: Iterator[Any] | None = None
        self._page_end = 0
        self._types: list[Any] | None = None

    def __iter__(self) -> Iterator[Piece]:
        again = patient(lambda: self._end.rows)
        while (piece := again(self._next)) is not None:
            yield piece
            pause()  # the next page of a reader that was left would end the rows of another

    def _next(self) -> Piece | None:
        try:
            while (rows := self._rows()) is None:
                self._coming = None
                if self._keyset is None or self._end.rows < self._page_end:
                    return None
        except ConnectionLost as error:
            self._coming = None
            if self._keyset is None and self._end.rows:
                text = f"table {self._table.name!r}: the connection was lost after {self._end.rows:,} rows"
                raise SourceError(f"{text}: {error.message}", hint=_AGAIN) from error
            raise
        self._check_types(rows.schema.types)
        self._end = Place(self._end.rows + rows.num_rows, self._key(rows))
        return Piece(rows, self._end)

    def _check_types(self, types: list[Any]) -> None:
        """Each page is a statement of its own, before which somebody may alter the table."""
        if types != (self._types or types):
            text = f"table {self._table.name!r}: its columns were altered while it was read"
            raise SourceChanged(text, hint="load the table again from the start with --restart")
        self._types = types

    def _rows(self) -> Any:
        """The next rows of the page, None at its end; begins the next page where none has begun."""
        if self._coming is None:
            self._page_end = self._end.rows + PAGE_ROWS
            self._coming = self._session.stream(*self._question(), batch_rows=self._fetch_rows)
        return next((rows for rows in self._coming if rows.num_rows), None)

    def _question(self) -> tuple[str, tuple[Parameter, ...]]:
        key = self._end.key
        sql = statement(self._table, self._layout, self._keyset, first=key is None)
        if key is None or self._keyset is None:
            return sql, ()
        try:
            return sql, self._keyset.parameters(key)
        except ValueError as error:
            text = f"no position in table {self._table.name!r}: {error}"
            raise SourceError(text, hint="load the table again from the start with --restart") from error

    def _key(self, rows: Any) -> list[object] | None:
        if self._keyset is None:
            return None
        key = self._layout.key(rows)
        if key == self._end.key:
            raise SourceError(f"table {self._table.name!r}: the server gave the row again that is behind {key!r}")
        return key
