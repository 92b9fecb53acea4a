"""Which client a login is for."""

from __future__ import annotations

from pipeline.sources.mssql.clients.arrow import ArrowClient
from pipeline.sources.mssql.clients.base import Client, Login
from pipeline.sources.mssql.clients.odbc import OdbcClient


def logged_in(login: Login) -> Client:
    """A new connection of this process; raises ConnectionLost where another try may help, SourceError where not."""
    return OdbcClient(login) if login.by_odbc else ArrowClient(login)
