"""A table filled by COPY and compared with the frame it came from, without a run around it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from pipeline.batch import Batch, Position
from pipeline.catalog import Column, Index, IndexPart, SqlType, Table
from pipeline.ledger.ledger import Ledger
from pipeline.outcome import Finding
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy import copy_in
from pipeline.postgres.sql import relation
from pipeline.postgres.wire import CopyEncoder, frame_dtype
from pipeline.transform.chain import Transformed
from pipeline.transform.origin import Origin
from pipeline.verify.content import verify_content
from pipeline.verify.subject import Content, Subject
from pipeline.verify.sums import with_sums


def table_of(types: Mapping[str, str], *key: str) -> Table:
    columns = tuple(Column(name, SqlType.parse(type)) for name, type in types.items())
    indexes = (Index("t_pkey", tuple(map(IndexPart, key)), unique=True, primary=True),) if key else ()
    return Table("t", columns, "public", indexes)


def frame_of(table: Table, rows: Sequence[tuple[object, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={c.name: frame_dtype(c.type) for c in table.columns}, orient="row")


def filled(connection: Connection, table: Table, rows: Sequence[tuple[object, ...]]) -> Subject:
    """Fill the table, which has no constraints; the subject's source holds the same rows."""
    Ledger(connection).install()
    connection.execute(ddl.create_bare(table))
    frame, encoder = frame_of(table, rows), CopyEncoder(table)
    copy_in(connection, relation(table), encoder, encoder.encode(frame))
    return subject_of(table, frame)


def subject_of(table: Table, *frames: pl.DataFrame) -> Subject:
    """`frames` are the batches of its source."""
    starts = [sum(frame.height for frame in frames[:n]) for n in range(len(frames))]
    batches = [_transformed(frame, start) for frame, start in zip(frames, starts, strict=True)]
    content = Content(lambda: iter(batches))
    return Subject("T", table, None, None, content=content)


def _transformed(frame: pl.DataFrame, start: int) -> Transformed:
    locators = pl.Series(range(start, start + frame.height), dtype=pl.Int64)
    origin = Origin.of("T", (), Batch(frame, locators, Position(None)))
    return Transformed(frame, origin, Position(None), frame.height, 0, (), ())


def compared(connection: Connection, subject: Subject) -> list[Finding]:
    return list(verify_content(connection, with_sums(connection, subject)))


def told(connection: Connection, subject: Subject) -> list[tuple[str, str]]:
    return [(finding.subject, finding.detail) for finding in compared(connection, subject)]
