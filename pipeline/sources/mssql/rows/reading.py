"""From the rows of a table to batches, and whether they are all of them."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator

import numpy as np
import polars as pl
import pyarrow as pa

from pipeline.batch import Batch, Position
from pipeline.errors import SourceChanged, SourceError
from pipeline.prefetch import prefetched
from pipeline.sources.mssql.rows.keyset import Keyset
from pipeline.sources.mssql.rows.layout import Layout
from pipeline.sources.mssql.rows.pages import Pages, Piece, Place, name_of
from pipeline.sources.mssql.schema.tables import SqlTable
from pipeline.sources.mssql.session import Session

_BATCH_BYTES = 8 << 20
_WRITTEN_TO = (
    "run again with --restart; where others write to the table meanwhile, read one moment of it: "
    "MSSQL_SNAPSHOT=isolation or database"
)


class TableReader:
    """Reads the rows of one table, in the order of its key."""

    def __init__(self, session: Session, table: SqlTable, keyset: Keyset | None) -> None:
        self._session, self._table, self._keyset = session, table, keyset

    def count(self) -> int:
        sql = f"SELECT COUNT_BIG(*) AS n FROM {name_of(self._table)}"  # noqa: S608 (the name is bracketed)
        return int(self._session.rows(sql)[0]["n"])

    def batches(self, columns: tuple[str, ...], *, batch_rows: int, after: Position | None) -> Iterator[Batch]:
        """Batches of at most `batch_rows` rows and some 8 MiB. Marks are rows of the table, values of the last key.

        Raises SourceChanged where the table counts other rows at the end than came.
        """
        layout = Layout.of(self._table, columns, self._keyset)
        end = self._place(after)
        pages = Pages(self._session, self._table, layout, end, fetch_rows=_evenly(batch_rows, layout.fetch_rows))
        with prefetched(_gathered(pages, batch_rows)) as gathered:  # the driver fetches while rows are decoded
            for pieces in gathered:
                start, end = end, pieces[-1].end
                yield _batch(layout, pieces, start, end)
        self._check_count(end.rows)

    def _check_count(self, read: int) -> None:
        """A result that ended early, and rows that came or went behind the reader, make another number."""
        if (count := self.count()) != read:
            text = f"table {self._table.name!r} has {count:,} rows, and {read:,} were read"
            raise SourceChanged(text, hint=_WRITTEN_TO)

    def _place(self, after: Position | None) -> Place:
        match after and after.mark:
            case None:
                return Place()
            case [int(rows), list(key)] if rows > 0 and self._keyset is not None:
                return Place(rows, key)
            case mark:
                text = f"{str(mark)[:200]} is no position in table {self._table.name!r}"
                raise SourceError(text, hint="load the table again from the start with --restart")


def _evenly(rows: int, most: int) -> int:
    """Parts of at most so many rows that fill a batch: else each would be as small as what is left over."""
    return -(-rows // -(-rows // most))


class _Gathering:
    """The pieces of the batch that is being gathered, and whether it has room for another."""

    def __init__(self, batch_rows: int) -> None:
        self._most = batch_rows
        self._begin()

    def _begin(self) -> None:
        self._pieces: list[Piece] = []
        self._rows = self._bytes = 0

    def takes(self, piece: Piece) -> bool:
        """A batch without a piece takes any."""
        rows, size = self._rows + piece.rows.num_rows, self._bytes + piece.rows.nbytes
        return not self._pieces or bool(rows <= self._most and size <= _BATCH_BYTES)

    def add(self, piece: Piece) -> None:
        self._pieces.append(piece)
        self._rows, self._bytes = self._rows + piece.rows.num_rows, self._bytes + piece.rows.nbytes

    def handed_on(self) -> list[Piece]:
        """What was gathered; the next batch begins empty."""
        gathered = self._pieces
        self._begin()
        return gathered


def _gathered(pieces: Iterable[Piece], batch_rows: int) -> Generator[list[Piece], None, None]:
    """Pieces of one batch: at least one, and no more rows or bytes than a batch may have."""
    gathering = _Gathering(batch_rows)
    for piece in pieces:
        if not gathering.takes(piece):
            yield gathering.handed_on()
        gathering.add(piece)
        if not gathering.takes(piece):  # nor one more like it: what has come does not wait for the next
            yield gathering.handed_on()
    if rest := gathering.handed_on():
        yield rest


def _batch(layout: Layout, pieces: list[Piece], start: Place, end: Place) -> Batch:
    rows = pieces[0].rows
    if len(pieces) > 1:
        rows = pa.Table.from_batches([piece.rows for piece in pieces]).combine_chunks().to_batches()[0]
    frame, defects = layout.frame(rows)
    locators = pl.Series("locator", np.arange(start.rows + 1, end.rows + 1, dtype=np.int64))
    # Rows without a key have no order, so that nothing can go on behind one of them.
    return Batch(frame, locators, Position(None if end.key is None else [end.rows, end.key]), defects)
