"""What the refusals of SQL Server and of its drivers mean to the user.

pyodbc tells a SQLSTATE and the server's number; mssql-python tells neither, so there the text decides. A session
speaks English (`connect.py` sets the language); before the login a server may speak another, where the state, if it is
known, says that it is about the login, and else only the hint is missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.errors import ConnectionLost, SourceError, StatementRefused

__all__ = ["AGAIN", "LIBRARIES", "ConnectionLost", "StatementRefused", "refusal"]

LIBRARIES = (
    "on Debian and Ubuntu: apt-get install libltdl7 libkrb5-3 libgssapi-krb5-2 (or `make libraries`); where there is "
    "no driver for this system, as on Alpine, name another: MSSQL_ODBC_DRIVER"
)
"""What Microsoft's driver needs of the system."""

AGAIN = "run the same command again; it resumes"
_REACH = (
    "check host and port, that the server runs with TCP/IP enabled, and that no firewall is between; a named instance "
    "listens on a port of its own"
)
_LOGIN = (
    "check MSSQL_USER and MSSQL_PASSWORD (or --password-stdin), MSSQL_AUTHENTICATION, and that the server allows "
    "SQL Server logins"
)
_UNTRUSTED = (
    "let this machine trust the certificate's issuer (on Linux: SSL_CERT_FILE), and name the server as its certificate "
    "does; or give the certificate itself: MSSQL_ENCRYPT=strict and MSSQL_SERVER_CERTIFICATE; "
    "MSSQL_TRUST_SERVER_CERTIFICATE=true takes any certificate, so that whoever stands between can read along"
)
_GRANT = "let the database's owner grant it: GRANT SELECT ON SCHEMA::dbo TO the_user"
_REPLICA = "name the primary, or have this replica allow all connections (SECONDARY_ROLE, ALLOW_CONNECTIONS = ALL)"
_SNAPSHOT = "run again with MSSQL_SNAPSHOT=database, or with MSSQL_SNAPSHOT=none"


@dataclass(frozen=True, slots=True)
class _Meaning:
    """A number of the server's, how its English text reads, and what it means."""

    number: int | None
    text: re.Pattern[str]
    hint: str | None
    error: type[SourceError] = StatementRefused


def _row(number: int | None, text: str, hint: str | None, error: type[SourceError] = StatementRefused) -> _Meaning:
    return _Meaning(number, re.compile(text, re.IGNORECASE), hint, error)


# The first that fits decides.
_MEANINGS = (
    # Azure SQL: it moves, throttles and wakes databases, and says so before or instead of an answer.
    _row(40613, r"database .* on server .* is not currently available", AGAIN, ConnectionLost),
    _row(40197, r"service has encountered an error processing your request", AGAIN, ConnectionLost),
    _row(40501, r"service is currently busy", AGAIN, ConnectionLost),
    _row(49918, r"not enough resources to process (the )?request", AGAIN, ConnectionLost),
    _row(10928, r"limit for the database is \d+ and has been reached", AGAIN, ConnectionLost),
    _row(40615, r"client with ip address .* is not allowed", "add this machine to the firewall rules of the server"),
    # The server is on its way down or up.
    _row(6005, r"shutdown is in progress", AGAIN, ConnectionLost),
    _row(18401, r"server is in script upgrade mode", AGAIN, ConnectionLost),
    _row(596, r"session is in the kill state", "somebody ended the session on the server; " + AGAIN, ConnectionLost),
    _row(922, r"database .* is being recovered", AGAIN, ConnectionLost),
    # A replica that changes its role, or falls behind; one that is not to be read from.
    _row(983, r"replica is not in the PRIMARY or SECONDARY role", AGAIN, ConnectionLost),
    _row(3947, r"secondary compute failed to catch up redo", AGAIN, ConnectionLost),
    _row(976, r"availability group and is currently not accessible for queries", _REPLICA),
    _row(978, r"accessible for connections when the application intent is set to read.only", _REPLICA),
    _row(1205, r"deadlock(ed on| victim)", AGAIN, ConnectionLost),
    _row(
        1222, r"lock request time out period exceeded", "another session holds a lock on it: end that, then run again"
    ),
    # Who is asking, and for what.
    _row(18456, r"login failed for user", _LOGIN),
    _row(
        4060, r"cannot open database .* requested by the login", "check MSSQL_DB, and that the login has a user there"
    ),
    _row(
        924, r"can only have one user at a time", "the database is SINGLE_USER: end the other session", ConnectionLost
    ),
    _row(916, r"is not able to access the database", "let the database's owner create a user for the login"),
    _row(229, r"permission was denied on the object", _GRANT),
    _row(230, r"permission was denied on the column", _GRANT),
    _row(262, r"permission denied in database", "let a member of dbcreator run it, or choose another MSSQL_SNAPSHOT"),
    # Babelfish has PostgreSQL's words for names that it does not know.
    _row(
        208,
        r"invalid object name|relation \S+ does not exist",
        "the table is gone or not visible: check with `inspect`",
    ),
    _row(207, r"invalid column name|column \S+ does not exist", "the column is gone: check with `inspect`"),
    _row(195, r"is not a recognized (built-in )?function name|function \S.* does not exist", None),
    _row(4121, r"cannot find either column .* or the user-defined function", None),
    # Snapshot isolation.
    _row(3960, r"snapshot isolation transaction aborted due to update conflict", AGAIN, ConnectionLost),
    _row(3961, r"modified by a ddl statement in another concurrent transaction", _SNAPSHOT),
    _row(3952, r"snapshot isolation is not allowed in this database", _SNAPSHOT),
    _row(3958, r"requested versioned row was not found", _SNAPSHOT),
    _row(3966, r"transaction is rolled back when accessing version store", _SNAPSHOT),
    _row(41332, r"memory optimized tables .* snapshot", "set MSSQL_SNAPSHOT=none"),
    _row(3702, r"cannot drop database .* currently in use", None),
    # What the drivers say by themselves.
    _row(None, r"failed to load the driver", LIBRARIES, SourceError),
    _row(None, r"can't open lib", "that file, or a library that it needs, is not there: ldd shows which", SourceError),
    _row(None, r"certificate|ssl provider", _UNTRUSTED, SourceError),
    _row(None, r"error code 0x2AF9|unknown host", "the host's name is not known: check MSSQL_HOST", ConnectionLost),
    _row(None, r"communication link failure|error code 0x2746", AGAIN, ConnectionLost),
    _row(None, r"error code 0x(27|20\b|68\b|6E\b|6F\b|71\b)|timeout expired", _REACH, ConnectionLost),
    _row(None, r"unable to (establish connection|connect to data source)", _REACH, ConnectionLost),
    _row(20009, r"adaptive server is unavailable", _REACH, ConnectionLost),
    _row(20003, r"adaptive server connection timed out", _REACH, ConnectionLost),
    _row(20004, r"read from the server failed", AGAIN, ConnectionLost),
    _row(20006, r"write to the server failed", AGAIN, ConnectionLost),
    _row(20017, r"unexpected eof from the server", AGAIN, ConnectionLost),
    _row(20047, r"dbprocess is dead", AGAIN, ConnectionLost),
    _row(None, r"protocol error in tds stream", "what answers there may be no SQL Server: " + _REACH, SourceError),
    _row(None, r"invalid authorization specification", _LOGIN),
)
_BY_STATE = {  # SQLSTATEs of ODBC, where neither number nor text is known
    "08S01": _row(None, "", AGAIN, ConnectionLost),
    "08001": _row(None, "", _REACH, ConnectionLost),
    "08003": _row(None, "", AGAIN, ConnectionLost),
    "08007": _row(None, "", AGAIN, ConnectionLost),
    "HYT00": _row(None, "", _REACH, ConnectionLost),
    "HYT01": _row(None, "", _REACH, ConnectionLost),
    "28000": _row(None, "", _LOGIN),
}
_BABELFISHS = 33557097
"""Babelfish's number for all of PostgreSQL's errors that have none of SQL Server's."""
_NOTHING_KNOWN = _row(None, "", None)


def refusal(what: str, text: str, *, state: str | None = None, number: int | None = None) -> SourceError:
    """The error for what a driver said while `what` was done."""
    number = None if number == _BABELFISHS else number
    meaning = _by_number(number) or _by_text(text) or _BY_STATE.get(state or "", _NOTHING_KNOWN)
    message = f"{what}: {' '.join(text.split())}"
    if meaning.error is StatementRefused:
        return StatementRefused(message, hint=meaning.hint, number=number or meaning.number)
    return meaning.error(message, hint=meaning.hint)


def _by_number(number: int | None) -> _Meaning | None:
    return next((meaning for meaning in _MEANINGS if number and meaning.number == number), None)


def _by_text(text: str) -> _Meaning | None:
    return next((meaning for meaning in _MEANINGS if meaning.text.search(text)), None)
