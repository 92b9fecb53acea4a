"""The text of a whole source, looked at for what happened to it; reads rows, and writes nothing."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from pipeline.catalog import Catalog, Column, Table
from pipeline.dialects.rules import Dialect
from pipeline.evidence import TextEvidence
from pipeline.mapping.types import family, parse_type
from pipeline.sources.base import Source
from pipeline.transform.forensics import Examination


def examine(
    source: Source, catalog: Catalog, dialect: Dialect, *, batch_rows: int, rows: int | None = None
) -> Iterator[TextEvidence]:
    """Evidence of every text column, over all rows or the first `rows` of each table; raises SourceError."""
    for table in catalog.tables:
        names = tuple(column.name for column in table.columns if _is_text(column, dialect))
        if names:
            yield from _examine_table(source, table, names, batch_rows, rows)


def _examine_table(
    source: Source, table: Table, names: tuple[str, ...], batch_rows: int, rows: int | None
) -> Iterator[TextEvidence]:
    examinations = {name: Examination(table.name, name) for name in names}
    left = rows
    for batch in source.batches(table.name, batch_rows=min(batch_rows, rows or batch_rows), columns=names):
        frame = batch.frame.head(left) if left is not None else batch.frame
        for name, examination in examinations.items():
            examination.add(frame[name])
        for defect in batch.defects:
            if defect.column in examinations and defect.row < frame.height:
                examinations[defect.column].undecodable += 1
        if left is not None:
            left -= frame.height
            if left == 0:
                break
    yield from (examination.evidence() for examination in examinations.values())


def _is_text(column: Column, dialect: Dialect) -> bool:
    """Whether a migration would carry it as text, and the source gives it."""
    rule = dialect.rule(column.type)
    if rule is None or not column.stored or column.unreadable:
        return False
    return rule.dtype_for(column.type) == pl.String and family(parse_type(rule.postgres_for(column.type))) == "text"
