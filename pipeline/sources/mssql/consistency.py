"""Makes the rows of a run belong to one moment, as far as the database allows, and says where it does not."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tenacity import retry_if_exception, stop_after_delay

from pipeline.catalog import Notice
from pipeline.errors import SourceError, StatementRefused
from pipeline.log import get_logger
from pipeline.retry import BRIEFLY
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.clients.base import Client
from pipeline.sources.mssql.connect import connect
from pipeline.sources.mssql.quoting import bracketed, literal

STATE = (
    "SELECT CAST(snapshot_isolation_state AS int) AS snapshots, "
    "CAST(is_read_committed_snapshot_on AS int) AS versions, "
    "CAST(is_read_only AS int) AS frozen, source_database_id AS origin FROM sys.databases WHERE name = DB_NAME()"
)
"""By name: Azure SQL Database numbers a database otherwise in sys.databases than DB_ID() does."""
IN_MEMORY = "SELECT TOP (1) name AS name FROM sys.tables WHERE is_memory_optimized = 1"
FILES = "SELECT name AS name, physical_name AS path FROM sys.database_files WHERE type = 0 ORDER BY file_id"
LEFTOVERS = (
    "SELECT name AS name FROM sys.databases WHERE source_database_id = DB_ID() AND name LIKE N'%[_]naru[_]%' "
    "ORDER BY name"
)
READ_COMMITTED = "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"
SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL SNAPSHOT"
BEGIN = "BEGIN TRANSACTION"
_IN_USE = 3702
_LEAVING = BRIEFLY.copy(
    retry=retry_if_exception(lambda error: isinstance(error, StatementRefused) and error.number == _IN_USE),
    stop=stop_after_delay(10),
    retry_error_callback=None,
    reraise=True,
)
"""BRIEFLY, for a server that has not noticed yet that the session is gone which was reading."""
_NO_SUCH = frozenset({207, 208})
"""Invalid column or object: an older server, or Babelfish."""
_ON = 1
_log = get_logger()


@dataclass(slots=True)
class Consistency:
    """How one run reads: from which database, and what each session for its rows begins with."""

    address: Address
    """Of the database to read from: the source snapshot where one was made."""
    notices: tuple[Notice, ...] = ()
    _start: tuple[str, ...] = (READ_COMMITTED,)
    _owner: Address | None = field(default=None, repr=False)
    """Where a source snapshot of ours is to be dropped."""
    _begun: bool = False

    def begin(self, client: Client) -> None:
        """To be called once with each new session on `address` that is to read rows."""
        for statement in self._start:
            client.execute(statement)
        if self._begun and BEGIN in self._start:
            _log.warning(
                "the connection was lost, and the snapshot with it: rows read from here on are of a later state",
                source=self.address.name,
            )
        self._begun = True

    def close(self) -> None:
        """Drop what was made; raises SourceError, naming what to do by hand. No session may be open on `address`."""
        owner, self._owner = self._owner, None
        if owner is None:
            return
        statement = f"DROP DATABASE {bracketed(self.address.database)}"
        try:
            client = connect(owner)
            try:
                _LEAVING(client.execute, statement)
            finally:
                client.close()
        except SourceError as error:
            raise SourceError(
                f"the source snapshot {self.address.database!r} is left on the server: {error.message}",
                hint=f"it grows until somebody drops it: {statement}",
            ) from error


def consistency(address: Address, client: Client) -> Consistency:
    """The way to read that MSSQL_SNAPSHOT asks for, found by a session on the database itself.

    Makes a source snapshot where that is asked for, so that `close` must follow. Raises SourceError where the
    database does not give what is asked for.
    """
    state = _state(client)
    if state.frozen:
        return Consistency(address)
    if address.snapshot == "database":
        return _of_database(address, client)
    if address.snapshot == "none":
        return Consistency(address, (_changing("MSSQL_SNAPSHOT=none", state),))
    obstacle = _obstacle(address, client, state)
    if obstacle is None:
        return Consistency(address, _start=(SNAPSHOT, BEGIN))
    if address.snapshot == "isolation":
        raise SourceError(f"{address.name}: {obstacle}", hint=_allow(address))
    return Consistency(address, (_changing(obstacle, state, f": {_allow(address)}"),))


@dataclass(frozen=True, slots=True)
class _State:
    snapshots: bool
    versions: bool
    frozen: bool
    """Nothing can change: a database that is read only, or a source snapshot itself."""


def _state(client: Client) -> _State:
    try:
        rows = client.rows(STATE)
    except StatementRefused as error:
        if error.number not in _NO_SUCH:
            raise
        rows = []
    row = rows[0] if rows else {"snapshots": None, "versions": None, "frozen": None, "origin": None}
    return _State(row["snapshots"] == _ON, bool(row["versions"]), bool(row["frozen"]) or row["origin"] is not None)


def _obstacle(address: Address, client: Client, state: _State) -> str | None:
    if not state.snapshots:
        return f"database {address.database!r} does not allow snapshot isolation"
    try:
        tables = client.rows(IN_MEMORY)
    except StatementRefused as error:
        if error.number not in _NO_SUCH:
            raise
        return None
    return f"table {tables[0]['name']!r} is memory-optimized, which snapshot isolation cannot read" if tables else None


def _allow(address: Address) -> str:
    statement = f"ALTER DATABASE {bracketed(address.database)} SET ALLOW_SNAPSHOT_ISOLATION ON"
    return f"let its owner run {statement}, or set MSSQL_SNAPSHOT=database"


def _changing(why: str, state: _State, remedy: str = "") -> Notice:
    each = "each statement sees one state of its own" if state.versions else "each row is as it was when it was read"
    text = f"{why}: rows that change during the run arrive as before or as after the change, and {each}{remedy}"
    return Notice(None, None, text)


def _of_database(address: Address, client: Client) -> Consistency:
    left = tuple(_left(row["name"]) for row in client.rows(LEFTOVERS))
    name = f"{address.database[:100]}_naru_{secrets.token_hex(4)}"
    files = ", ".join(_files(client, name))
    client.execute(f"CREATE DATABASE {bracketed(name)} ON {files} AS SNAPSHOT OF {bracketed(address.database)}")
    _log.info("source snapshot made", database=name)
    return Consistency(replace(address, database=name), left, _owner=address)


def _files(client: Client, name: str) -> Iterator[str]:
    """Each data file gets a sparse one beside it, which holds the pages that change meanwhile."""
    for row in client.rows(FILES):
        yield f"(NAME = {bracketed(row['name'])}, FILENAME = {literal(row['path'] + '.' + name + '.ss')})"


def _left(name: str) -> Notice:
    drop = f"DROP DATABASE {bracketed(name)}"
    return Notice(None, None, f"source snapshot {name!r} is another run's, or was left by one that died: then {drop}")
