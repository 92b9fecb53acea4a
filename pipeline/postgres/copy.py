"""COPY of one encoded frame, and the difference between a bad row and a bad day."""

from __future__ import annotations

import psycopg

from pipeline.catalog import Table
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.sql import SQL, Composable, Literal, columns, relation
from pipeline.postgres.wire import CopyEncoder, Payload

# psycopg hands a buffer to libpq whole; pieces keep its copy small (1 MiB: no slower than one write).
_PIECE_BYTES = 1 << 20


class RowsRefused(Exception):  # an answer of PostgreSQL about data, not a failure of the run
    """PostgreSQL refuses at least one row of a COPY: its SQLSTATE class is 22 or 23."""

    def __init__(self, error: psycopg.Error) -> None:
        super().__init__(error.diag.message_primary or str(error))
        self.sqlstate = error.sqlstate or "22000"


def copy_in(connection: Connection, relation: Composable, encoder: CopyEncoder, payload: Payload) -> None:
    """Send what `encoder` made; all of it arrives, or RowsRefused or TargetError is raised."""
    statement = SQL("copy {} ({}) from stdin with ({})").format(
        relation, columns(encoder.table.written_names), SQL(encoder.options)
    )
    with translated(f"writing to table {encoder.table.name}"):
        try:
            with connection.cursor().copy(statement) as copy:
                for part in payload:
                    view = memoryview(part)
                    for start in range(0, len(view), _PIECE_BYTES):
                        copy.write(view[start : start + _PIECE_BYTES])
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRefused(error) from error


def insert_json(connection: Connection, table: Table, row: str) -> bool:
    """Insert one row given as a JSON object of its written columns; raises RowsRefused."""
    names = columns(table.written_names)
    statement = SQL(
        "insert into {table} ({names}) overriding system value"
        " select {names} from json_populate_record(null::{table}, {row}::json)"
        # Not a parameter: in a statement that has any, a % within a name would be one as well.
    ).format(table=relation(table), names=names, row=Literal(row))
    with translated(f"writing to table {table.name}"):
        try:
            return connection.execute(statement).rowcount == 1
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise RowsRefused(error) from error
