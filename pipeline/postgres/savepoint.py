"""Statements that may be refused without the transaction around them being lost."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import psycopg

from pipeline.postgres.connect import Connection
from pipeline.postgres.copy import RowsRefused
from pipeline.postgres.refusal import passes, told
from pipeline.postgres.sql import SQL, Composed, Literal


def attempt(connection: Connection, *statements: Composed) -> None:
    """Run what rows may be refused by: all of it, or nothing of it and RowsRefused."""
    with attempted(connection):
        for statement in statements:
            connection.execute(statement)


@contextmanager
def attempted(connection: Connection) -> Iterator[None]:
    """A block that rows may be refused by: all of it, or nothing of it and RowsRefused."""
    try:
        with connection.transaction():
            yield
    except (psycopg.DataError, psycopg.IntegrityError) as error:
        raise RowsRefused(error) from error


def refused(connection: Connection, statements: Iterable[Composed], *, timeout_s: int) -> str | None:
    """Run statements, each within so many seconds: all of them, or nothing of them and PostgreSQL's reason."""
    try:
        with connection.transaction():
            connection.execute(SQL("set local statement_timeout = {}").format(Literal(timeout_s * 1000)))
            for statement in statements:
                connection.execute(statement)
            connection.execute("set local statement_timeout = 0")
    except psycopg.Error as error:
        if connection.broken or passes(error):
            raise
        return told(error)
    return None
