"""A live SQL Server as a source: the outside of the reader."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from types import TracebackType
from typing import Self

from pipeline.batch import Batch, Fingerprint, Position
from pipeline.catalog import Catalog, Notice
from pipeline.errors import SourceChanged, SourceError
from pipeline.log import get_logger
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.clients.base import Client, Login
from pipeline.sources.mssql.clients.drivers import logged_in
from pipeline.sources.mssql.clients.hosted import Hosting
from pipeline.sources.mssql.connect import connect
from pipeline.sources.mssql.consistency import Consistency, consistency
from pipeline.sources.mssql.rows.keyset import Keyset, keyset_of
from pipeline.sources.mssql.rows.reading import TableReader
from pipeline.sources.mssql.schema.answers import Row, statement
from pipeline.sources.mssql.schema.catalog import read_schema
from pipeline.sources.mssql.schema.tables import Schema, SqlTable
from pipeline.sources.mssql.session import Session

_NO_KEY = (
    "has no key that reading can go on by, so it is read in one pass: a load that is interrupted begins again with its "
    "first row"
)
_ANOTHER = (
    "what was committed is of the first: run again when the address leads to it, or name the other server and start "
    "with --restart"
)
_ALTERED = "let nobody alter the tables during a run, and start with --restart"
_log = get_logger()


class MssqlSource:
    """Tables of a database on a server. Their order is that of their keys; a table without one has none."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._reading: Consistency | None = None
        self._session = Session(self._connect)
        self._identity: Row | None = None
        self._schema: Schema | None = None
        self._fresh = False
        """Whether nobody has asked for a fingerprint since the schema was read."""

    def __enter__(self) -> Self:
        self._session, self._reading = self._for_rows(), None  # whose process begins while the catalog is read
        try:
            with closing(Session(self._connect)) as catalog:
                self._schema = catalog.ask(read_schema)
            self._fresh = True
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._schema = None
        self._session.close()
        if self._reading is not None:  # kept: a thread that is connecting still would make another in its place
            _end(self._reading, after=error)

    def _for_rows(self) -> Session:
        if self._address.asks_a_person:  # once, for what this process opens
            return Session(lambda: self._connect_to_read(logged_in))
        hosting = Hosting()
        return Session(lambda: self._connect_to_read(hosting.log_in), hosting.close)

    def _connect(self) -> Client:
        """A connection for the catalog, of the database whose rows are read."""
        here = self._reading.address if self._reading else self._address
        client = connect(here)
        try:
            self._reading = self._reading or consistency(self._address, client)
            if self._reading.address == here:
                self._recognize(client)
                return client
        except BaseException:
            client.close()
            raise
        client.close()  # a source snapshot was made, to be read in its place
        return self._connect()

    def _connect_to_read(self, log_in: Callable[[Login], Client]) -> Client:
        """One for the rows of all tables and their numbers, so that these are of one moment."""
        assert self._reading is not None  # since the catalog was read
        client = connect(self._reading.address, log_in)
        try:
            self._reading.begin(client)
            self._recognize(client)
        except BaseException:
            client.close()
            raise
        return client

    def _recognize(self, client: Client) -> None:
        """Raise SourceChanged where a later session has reached another database than the first.

        A listener, an alias or a load balancer may lead to another server, whose rows would then stand among those of
        the first and be taken for them by every later run.
        """
        rows = client.rows(statement("identity"))
        if len(rows) != 1:  # a database always sees itself in sys.databases, a source snapshot not always its origin
            text = f"{self._address.name}: this login is not shown which database it reads"
            raise SourceError(text, hint="have VIEW ANY DATABASE granted to it")
        found = rows[0]
        if self._identity is None:
            self._identity = found
        elif found != self._identity:
            other = f"{found['server']}/{found['name']}, created {found['created']}"
            raise SourceChanged(f"{self._address.name} leads to another database now: {other}", hint=_ANOTHER)

    def catalog(self) -> Catalog:
        catalog, tables = self._opened.catalog, self._opened.tables
        keyless = tuple(Notice(name, None, _NO_KEY) for name, table in tables.items() if self._keyset(table) is None)
        consistent = self._reading.notices if self._reading else ()
        return replace(catalog, notices=consistent + catalog.notices + keyless)

    @property
    def _opened(self) -> Schema:
        if self._schema is None:
            raise SourceError(f"{self._address.name}: is not open")
        return self._schema

    def fingerprint(self) -> Fingerprint:
        """Of the database and its tables, columns, types and keys: what rows it has, nobody can hash while it lives.

        What a run reads is held together by its isolation, and by the count of each table's rows. The first is of the
        schema that was read on opening; any later one reads it again, and raises SourceChanged when it is another.
        """
        opened = self._opened.tables
        tables = opened if self._fresh else self._session.ask(read_schema).tables
        self._fresh = False
        if altered := [name for name in sorted({*opened, *tables}) if opened.get(name) != tables.get(name)]:
            text = f"{self._address.name}: altered since the run began: {', '.join(map(repr, altered[:5]))}"
            raise SourceChanged(text, hint=_ALTERED)
        told = json.dumps([self._identity, [repr(tables[name]) for name in sorted(tables)]], default=str)
        return Fingerprint("mssql", hashlib.sha256(told.encode()).hexdigest(), 0)

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        """As `Source.batches`. Locators count the rows of a table from 1, in the order of its key."""
        if batch_rows < 1:
            raise SourceError(f"batches of {batch_rows} rows cannot be read")
        found = self._table(table)
        chosen = tuple(column.name for column in found.columns) if columns is None else columns
        if after is not None:
            _log.warning(
                "reading goes on behind rows that came earlier: what was written since shows from here on only",
                table=table,
            )
        return self._reader(found).batches(chosen, batch_rows=batch_rows, after=after)

    def count(self, table: str) -> int:
        return self._reader(self._table(table)).count()

    def _reader(self, table: SqlTable) -> TableReader:
        return TableReader(self._session, table, self._keyset(table))

    def _keyset(self, table: SqlTable) -> Keyset | None:
        assert self._identity is not None  # known since the first session
        return keyset_of(table, self._identity["code_page"])

    def _table(self, name: str) -> SqlTable:
        if name not in self._opened.tables:
            raise SourceError(f"{self._address.name}: has no table {name!r}", hint="`inspect` lists the tables")
        return self._opened.tables[name]


def _end(reading: Consistency, *, after: BaseException | None) -> None:
    """What ended the run matters more than what is left on the server, which is then told beside it."""
    try:
        reading.close()
    except SourceError as left:
        if after is None:
            raise
        _log.warning(left.message, hint=left.hint)
