"""The columns of a SELECT, and the frame that its rows become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import polars as pl
import pyarrow as pa

from pipeline.batch import Defect
from pipeline.errors import SourceError, UnsupportedSource
from pipeline.sources.mssql.rows.cells import Arrays
from pipeline.sources.mssql.rows.keyset import Keyset
from pipeline.sources.mssql.rows.select import Selected, selected
from pipeline.sources.mssql.schema.tables import SqlTable

_FETCH_BYTES = 8 << 20
"""Drivers hold room for the longest value of each row that they fetch at once."""
_FETCH_UNBOUNDED = 1
"""Rows at once where one value may take 2 GB."""
_NOTHING = "NULL"


@dataclass(frozen=True, slots=True)
class Layout:
    """What is selected of a table: the columns of the frame, and behind them those of the key that it lacks."""

    table: str
    columns: tuple[Selected, ...]
    wanted: int
    """How many of the columns the frame has."""
    keyset: Keyset | None

    @classmethod
    def of(cls, table: SqlTable, wanted: tuple[str, ...], keyset: Keyset | None) -> Self:
        """Raises SourceError for a column that is not there, or that is not read."""
        by_name = {column.name: column for column in table.columns}
        more = (column.name for column in keyset.columns if column.name not in wanted) if keyset else ()
        names = (*wanted, *more)
        for name in names:
            if name not in by_name:
                raise SourceError(f"table {table.name!r} has no column {name!r}", hint="`inspect` lists the columns")
        try:
            return cls(table.name, tuple(selected(by_name[name]) for name in names), len(wanted), keyset)
        except UnsupportedSource as error:
            raise UnsupportedSource(f"table {table.name!r}, {error.message}", hint=error.hint) from error

    @property
    def sql(self) -> str:
        return ", ".join(part for column in self.columns for part in column.parts) or _NOTHING

    @property
    def fetch_rows(self) -> int:
        """How many rows a driver may fetch at once."""
        sizes = [column.bytes for column in self.columns]
        if None in sizes:
            return _FETCH_UNBOUNDED
        return max(1, _FETCH_BYTES // max(1, sum(size or 0 for size in sizes)))

    def arrays(self, piece: Any) -> dict[str, Arrays]:
        """The arrays of a pyarrow.RecordBatch by column."""
        arrived, parts = piece.columns, sum(len(column.parts) for column in self.columns) or 1
        if len(arrived) != parts:
            raise SourceError(f"table {self.table!r}: {len(arrived)} columns arrived where {parts} were asked for")
        found, at = {}, 0
        for column in self.columns:
            found[column.column] = tuple(arrived[at : at + len(column.parts)])
            at += len(column.parts)
        return found

    def frame(self, piece: Any) -> tuple[pl.DataFrame, tuple[Defect, ...]]:
        """The frame's columns, and the cells that are NULL because they are no value of their type."""
        arrays, made, defects = self.arrays(piece), {}, []
        for column in self.columns[: self.wanted]:
            try:
                values, flaws = column.read(arrays[column.column])
            except ValueError as error:
                raise SourceError(f"table {self.table!r}, column {column.column!r}: {error}") from error
            made[column.column] = values
            defects += [Defect(flaw.row, column.column, flaw.reason, flaw.raw, flaw.replacement) for flaw in flaws]
        frame = pl.from_arrow(pa.RecordBatch.from_pydict(made))
        assert isinstance(frame, pl.DataFrame)
        return frame, tuple(defects)

    def key(self, piece: Any) -> list[object]:
        """The mark of a piece's last row; raises ValueError where its key is none."""
        arrays = self.arrays(piece)
        assert self.keyset is not None  # a table without one has no mark
        return self.keyset.mark([arrays[column.name] for column in self.keyset.columns], piece.num_rows - 1)
