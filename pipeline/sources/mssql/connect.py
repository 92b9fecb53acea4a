"""Opens sessions on SQL Server that mean the same whatever the server, the login or the driver has set."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.errors import ConnectionLost, StatementRefused
from pipeline.log import get_logger
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.clients.base import Client, Login
from pipeline.sources.mssql.clients.drivers import logged_in
from pipeline.sources.mssql.clients.keywords import login

LOCK_TIMEOUT_MS = 60_000

SESSION = (
    "SET NOCOUNT ON",
    "SET TEXTSIZE -1",  # a driver may ask for less, and the server then cuts long values off without a word
    "SET ROWCOUNT 0",
    "SET ANSI_NULLS, ANSI_PADDING, ANSI_WARNINGS, ARITHABORT, CONCAT_NULL_YIELDS_NULL, QUOTED_IDENTIFIER ON",
    "SET NUMERIC_ROUNDABORT OFF",
    f"SET LOCK_TIMEOUT {LOCK_TIMEOUT_MS}",  # a table that is locked for good ends in an error, not in a wait
)
"""Without these, rows could be missing or cut off."""

PREFERRED = (
    "SET LANGUAGE us_english",  # of the errors, by whose text some are told apart
    "SET DATEFORMAT ymd",
    "SET DEADLOCK_PRIORITY LOW",  # the application's work goes first; ours is tried again
)
"""Of no weight for the values; Babelfish knows not all of them."""

_log = get_logger()


def connect(address: Address, log_in: Callable[[Login], Client] = logged_in) -> Client:
    """A new session; raises ConnectionLost where another try may help, SourceError or SettingsError where not.

    `log_in` makes its client, which else is one of this process.
    """
    client = _client(address, log_in)
    try:
        for statement in SESSION:
            client.execute(statement)
        for statement in PREFERRED:
            _prefer(client, statement)
    except BaseException:
        client.close()
        raise
    return client


def _client(address: Address, log_in: Callable[[Login], Client]) -> Client:
    try:
        return log_in(login(address))
    except ConnectionLost as error:
        if address.encrypt != "strict":
            raise
        hint = (
            f"MSSQL_ENCRYPT=strict needs SQL Server 2022 or Azure SQL; {error.hint}"  # others say nothing, and hang up
        )
        raise ConnectionLost(error.message, hint=hint) from error


def _prefer(client: Client, statement: str) -> None:
    try:
        client.execute(statement)
    except StatementRefused as error:
        _log.info("the server does not take a setting of the session", statement=statement, error=error.message)
