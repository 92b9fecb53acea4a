"""A statement that may be refused without the transaction around it being lost."""

from __future__ import annotations

import psycopg

from pipeline.postgres.connect import Connection
from pipeline.postgres.copy import RowsRefused
from pipeline.postgres.sql import Composed


def attempt(connection: Connection, statement: Composed) -> None:
    """Run a statement that writes rows: all of it, or nothing of it and RowsRefused."""
    try:
        with connection.transaction():
            connection.execute(statement)
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise RowsRefused(error) from error
