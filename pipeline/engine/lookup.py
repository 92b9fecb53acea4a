"""The rows of a task as its chain wants them: with those of other tables in place where the mapping nests them."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, replace

import polars as pl

from pipeline.batch import Batch, Defect, Position
from pipeline.engine.plan import TableTask
from pipeline.errors import DamagedSource, MappingError
from pipeline.sources.base import Source
from pipeline.transform.nest import Nest

_MOST_BYTES = 64 << 20
"""Nested values are held in memory for as long as their table is read."""


def batches(
    source: Source, task: TableTask, *, after: Position | None = None, batch_rows: int
) -> Generator[Batch, None, None]:
    """As `Source.batches` of the task's columns; raises MappingError where too much would be nested."""
    lookups = [_read(source, task, column, nest, batch_rows) for column, nest in task.nests.items()]
    for batch in source.batches(
        task.source.name, after=after, batch_rows=batch_rows, columns=task.chain.source_columns
    ):
        for lookup in lookups:
            batch = lookup.fill(batch)
        yield batch


@dataclass(frozen=True, slots=True)
class _Lookup:
    """The nested values of one column, by number."""

    column: str
    empty: str
    texts: pl.DataFrame
    """`number`, each once, and `text`."""
    defects: Mapping[int, Defect]

    def fill(self, batch: Batch) -> Batch:
        """The batch with values in place of its numbers; no number, no rows."""
        numbers = batch.frame.select(pl.col(self.column).alias("number"))
        texts = numbers.join(self.texts, on="number", how="left", maintain_order="left")["text"].fill_null(self.empty)
        found = [
            replace(self.defects[number], row=row, column=self.column, replacement=None)
            for row, number in enumerate(numbers["number"] if self.defects else ())
            if number in self.defects
        ]
        defects = (*batch.defects, *found)
        unread = [defect.row for defect in defects if defect.column == self.column]
        texts = texts.scatter(unread, None) if unread else texts
        return replace(batch, frame=batch.frame.with_columns(texts.alias(self.column)), defects=defects)


def _read(source: Source, task: TableTask, column: str, nest: Nest, batch_rows: int) -> _Lookup:
    items: list[pl.DataFrame] = []
    defects: dict[int, Defect] = {}
    size = 0
    for batch in source.batches(nest.table, batch_rows=batch_rows, columns=nest.columns):
        _check_whole(task, column, nest, batch)
        frame, found = nest.items(batch)
        items.append(frame)
        defects |= {number: defect for number, defect in found.items() if number not in defects}
        size += int(frame["text"].str.len_bytes().sum())
        if size > _MOST_BYTES:
            raise MappingError(
                f"table {task.source.name}, column {column}: its values take more than {_MOST_BYTES >> 20} MB",
                hint=f"keep {nest.table} as a table of its own, and the column as integer",
            )
    numbers = pl.Series("number", dtype=pl.Int32)
    texts = nest.joined(items) if items else pl.DataFrame({"number": numbers, "text": pl.Series(dtype=pl.String)})
    _check_numbers(source, task, column, texts["number"], nest, batch_rows)
    return _Lookup(column, nest.empty, texts, defects)


def _check_whole(task: TableTask, column: str, nest: Nest, batch: Batch) -> None:
    """A list that lacks what could not be read is no list of its row."""
    lost = batch.doubt or next((place.detail for place in batch.unread), None)
    if lost is not None:
        raise DamagedSource(
            f"table {task.source.name}, column {column}: its values in {nest.table} are damaged: {lost}",
            hint=f"keep {nest.table} as a table of its own: what cannot be read of it waits in the quarantine",
        )


def _check_numbers(
    source: Source, task: TableTask, column: str, valued: pl.Series, nest: Nest, batch_rows: int
) -> None:
    """Each value belongs to one row: none would be left behind, and none repeated without bound."""
    found = [
        batch.frame[column] for batch in source.batches(task.source.name, batch_rows=batch_rows, columns=(column,))
    ]
    numbers = pl.concat(found) if found else valued.clear()
    wrong = (("belong to no row", ~valued.is_in(numbers.drop_nulls().implode())),
             ("belong to several rows", valued.is_in(numbers.filter(numbers.is_duplicated()).implode())))  # fmt: skip
    for what, mask in wrong:
        if count := int(mask.fill_null(value=True).sum()):
            raise DamagedSource(
                f"table {task.source.name}, column {column}: the values of {count:,} numbers {what}",
                hint=f"keep {nest.table} as a table of its own: what has no row waits in the quarantine",
            )
