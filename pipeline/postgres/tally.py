"""Every table of a database as a count and a hash, and its large objects, at one moment that other programs share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.copy_out import copy_out
from pipeline.postgres.digest import Total, cell, hashed, summed, whole
from pipeline.postgres.records import one, records
from pipeline.postgres.sql import SQL, Composable, Identifier, columns, query

LOCK_WAIT_S = 60
_SESSION = (
    "set transaction isolation level repeatable read, read only",
    "set local row_security = off",  # an error, where a policy would hide rows
    "set local search_path = ''",  # names of tables are spelled whole, in values too
    "set local quote_all_identifiers = off",
    "set local lc_monetary = 'C'",  # values of type money have the form of no country
)


@dataclass(frozen=True, slots=True)
class Standing:
    """An ordinary table, and the columns of it that are not computed."""

    schema: str
    name: str
    columns: list[str]

    @property
    def relation(self) -> Identifier:
        return Identifier(self.schema, self.name)


@dataclass(frozen=True, slots=True)
class Moment:
    """What a database holds as one transaction sees it, as long as that is open."""

    connection: Connection
    snapshot: str
    """Of PostgreSQL, by which another session sees the same."""
    tables: list[Standing]

    def total(self, table: Standing) -> Total:
        """Of its rows as texts, in the order of the columns' names; raises TargetError and TargetUnavailable."""
        with translated(f"reading table {table.schema}.{table.name}"):
            if not table.columns:
                (rows,) = one(self.connection, SQL("select count(*) from only {}").format(table.relation))
                return Total(rows, f"{0:032x}")
            statement = SQL("select {} from only {}").format(columns(table.columns), table.relation)
            return _total(self.connection, statement, len(table.columns))

    def large_objects(self) -> Total:
        """Of their numbers and what they hold, whosoever they are; raises TargetError and TargetUnavailable."""
        with translated("reading the large objects"):
            return _total(self.connection, query("large_objects"), 3)


@contextmanager
def one_moment(connection: Connection) -> Iterator[Moment]:
    """No table can be emptied or altered meanwhile, and a wait for one that is being altered ends in TargetError."""
    with translated("reading all tables at one moment"), connection.transaction():
        for statement in _SESSION:
            connection.execute(statement)
        tables = records(connection, Standing, query("ordinary_tables"))
        _lock(connection, tables)
        (snapshot,) = one(connection, SQL("select pg_export_snapshot()"))
        yield Moment(connection, snapshot, tables)


def _lock(connection: Connection, tables: list[Standing]) -> None:
    connection.execute(SQL("set local lock_timeout = {}").format(LOCK_WAIT_S * 1000))
    if tables:
        names = SQL(", ").join(SQL("only {}").format(table.relation) for table in tables)
        connection.execute(SQL("lock table {} in access share mode").format(names))


def _total(connection: Connection, rows: Composable, width: int) -> Total:
    cells = [cell(number) for number in range(width)]
    return whole(summed(hashed(texts, ()) for texts in copy_out(connection, rows, cells)))
