"""Rows of the target as PostgreSQL itself writes them, for those who compare."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Sequence
from typing import BinaryIO

import polars as pl
import psycopg

from pipeline.catalog import SqlType
from pipeline.errors import TargetError
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, Composable

_ROWS = 50_000
_BYTES = 16 << 20


def copy_out(connection: Connection, rows: Composable, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """The rows of a query as texts in frames of bounded size, under `names`; raises TargetError.

    The server sends a row in a message of its own, so that a frame never ends within one.
    """
    # Into one buffer at once: a list of the messages takes four times as long, and the garbage collector all of it.
    part, count = _begun(), 0
    with connection.cursor().copy(SQL("copy ({}) to stdout with (format csv)").format(rows)) as copy:
        for row in copy:
            part.write(row)
            count += 1
            if count == _ROWS or part.tell() > _BYTES:
                yield _texts(part, count, names)
                part, count = _begun(), 0
    if count:
        yield _texts(part, count, names)


def _begun() -> io.BytesIO:
    """With the mark that Polars drops, so that it drops no U+FEFF with which the first value begins."""
    part = io.BytesIO()
    part.write(codecs.BOM_UTF8)
    return part


def save_rows(connection: Connection, rows: Composable, file: BinaryIO) -> None:
    """The rows of a query as `copy ... from ... with (format csv, header)` takes them; raises OSError."""
    with connection.cursor().copy(SQL("copy ({}) to stdout with (format csv, header)").format(rows)) as copy:
        for row in copy:
            file.write(row)


def _texts(csv: io.BytesIO, rows: int, names: Sequence[str]) -> pl.DataFrame:
    """NULL is unquoted and empty, as nothing else is."""
    csv.seek(0)
    frame = pl.read_csv(csv, has_header=False, schema=dict.fromkeys(names, pl.String()))
    if frame.height != rows:
        raise TargetError(f"postgresql sent {rows:,} rows, and {frame.height:,} were read from its answer")
    return frame


def normal_texts(connection: Connection, type: SqlType, texts: pl.Series) -> pl.Series:
    """What PostgreSQL would write of the texts, had they been stored as that type; what it would not store, unchanged.

    In a transaction. k texts that it refuses of n cost O(k log n) queries.
    """
    try:
        with connection.transaction():
            return _normal(connection, type, texts)
    except psycopg.DataError:
        if len(texts) == 1:
            return texts
    half = len(texts) // 2
    parts = (texts.slice(0, half), texts.slice(half))
    return pl.concat([normal_texts(connection, type, part) for part in parts])


def _normal(connection: Connection, type: SqlType, texts: pl.Series) -> pl.Series:
    # Not a cast to text, which is another form where a type has one of its own: of inet, with its mask.
    statement = SQL(
        "select case when value is not null then format('%%s', value::{}) end"
        " from unnest(%s::text[]) with ordinality as given (value, place) order by place"
    ).format(SQL(str(type)))
    found = [text for (text,) in connection.execute(statement, [texts.to_list()])]
    return pl.Series(texts.name, found, pl.String)
