"""Where the SQL Server is and how it is reached, as a value that does not show its password."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from pydantic import SecretStr

from pipeline.errors import SettingsError, UsageError
from pipeline.settings import Authentication, Encryption, Settings, SourceSnapshot, load_settings

SCHEME = "mssql"
_HOST = re.compile(r"[\w-]+(\.[\w-]+)*\.?")
_OPTIONS = {  # of the URL, and the settings they stand for
    "encrypt": "mssql_encrypt",
    "trust_server_certificate": "mssql_trust_server_certificate",
    "server_certificate": "mssql_server_certificate",
    "authentication": "mssql_authentication",
    "odbc_driver": "mssql_odbc_driver",
    "snapshot": "mssql_snapshot",
}
_URL_HINT = "write mssql://user@host:1433/database; in user and database, %40 is @ and %2F is /"
_WITH_PASSWORD = frozenset({"sql", "ActiveDirectoryPassword", "ActiveDirectoryServicePrincipal"})
_WITHOUT_USER = frozenset({"integrated"})
_ASKING = frozenset({"ActiveDirectoryDeviceCode", "ActiveDirectoryInteractive"})


@dataclass(frozen=True, slots=True)
class Address:
    """Where a database of SQL Server is, as whom and how it is read; raises SettingsError for what cannot be.

    Host, database, user and password may hold anything that the server takes: they are escaped where they are used.
    """

    host: str
    port: int
    database: str
    user: str | None = None
    password: SecretStr | None = None
    encrypt: Encryption = "mandatory"
    trust_server_certificate: bool = False
    server_certificate: Path | None = None
    """The very certificate that the server must show; None leaves it to the issuers that this machine trusts."""
    authentication: Authentication = "sql"
    odbc_driver: str | None = None
    """Name or path of an ODBC driver to use by way of pyodbc; None is the driver that mssql-python brings."""
    snapshot: SourceSnapshot = "auto"

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The server that MSSQL_HOST, MSSQL_DB and their kin name; raises SettingsError."""
        if settings.mssql_host is None or settings.mssql_db is None:
            raise SettingsError("MSSQL_HOST and MSSQL_DB are not set", hint="set both, or name mssql://user@host/db")
        return cls(
            settings.mssql_host,
            settings.mssql_port,
            settings.mssql_db,
            settings.mssql_user,
            settings.mssql_password,
            settings.mssql_encrypt,
            settings.mssql_trust_server_certificate,
            settings.mssql_server_certificate,
            settings.mssql_authentication,
            settings.mssql_odbc_driver,
            settings.mssql_snapshot,
        )

    @classmethod
    def from_url(cls, url: str, settings: Settings) -> Self:
        """The server that an mssql:// URL names; what it leaves open is as the settings say.

        Raises UsageError, which does not repeat the URL: a password may stand where none should.
        """
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
            pairs = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query))
        except ValueError:
            raise UsageError("the source is not a url of sql server", hint=_URL_HINT) from None
        if parts.password is not None:
            raise UsageError(
                "the source's url holds a password, which every user of this machine can see in the list of processes",
                hint="leave it out, and set MSSQL_PASSWORD or give --password-stdin; change it if others were around",
            )
        options, database = dict(pairs), unquote(parts.path.removeprefix("/"))
        if parts.scheme != SCHEME or not host or parts.fragment or len(options) < len(pairs):
            raise UsageError("the source is not a url of sql server", hint=_URL_HINT)
        if not database:
            raise UsageError("the source's url names no database", hint=_URL_HINT)
        if unknown := options.keys() - _OPTIONS.keys():
            raise UsageError(
                f"the source's url has an option {min(unknown)!r}", hint=f"known are {', '.join(_OPTIONS)}"
            )
        given = {_OPTIONS[name]: value for name, value in options.items()}
        named = {
            "mssql_host": unquote(host),
            "mssql_port": port or 1433,
            "mssql_db": database,
            "mssql_user": unquote(parts.username) if parts.username else settings.mssql_user,
            "mssql_password": settings.mssql_password,
        }
        return cls.from_settings(load_settings(**(named | given)))

    def __post_init__(self) -> None:
        self._check_place()
        self._check_login()
        self._check_encryption()

    def _check_place(self) -> None:
        if "," in self.host:  # as Microsoft's connection strings have it: tcp:db.example.com,1433
            raise SettingsError(f"host {self.host!r} holds a port", hint="give it by itself: MSSQL_PORT")
        if "\\" in self.host:
            raise SettingsError(
                f"host {self.host!r}: named instances are not looked up",
                hint="give the port that the instance listens on: SELECT local_tcp_port FROM sys.dm_exec_connections "
                "WHERE session_id = @@SPID shows it",
            )
        if not _HOST.fullmatch(self.host) and not _is_ipv6(self.host):
            raise SettingsError(f"host {self.host!r} is no name or address", hint="set MSSQL_HOST to one")
        if any("\0" in text for text in (self.database, self.user or "", self._secret(), self.odbc_driver or "")):
            raise SettingsError("a setting of the sql server source holds a NUL character")

    def _check_login(self) -> None:
        how = self.authentication
        if how in _WITH_PASSWORD:
            _require(self.user, f"MSSQL_AUTHENTICATION={how} needs a user", "set MSSQL_USER, or name it in the url")
            _require(self._secret(), f"no password for {self}", "set MSSQL_PASSWORD, or give --password-stdin")
        elif how in _WITHOUT_USER and (self.user or self._secret()):
            raise SettingsError(
                f"MSSQL_AUTHENTICATION={how} takes no user and no password: it is this process's own account",
                hint="leave out MSSQL_USER and MSSQL_PASSWORD, or the authentication",
            )

    def _check_encryption(self) -> None:
        # Measured: with another encryption the driver does not look at the certificate it is given, and takes the
        # machine's word; with strict it does not look at the wish to trust any.
        if self.server_certificate and self.encrypt != "strict":
            raise SettingsError(
                f"MSSQL_SERVER_CERTIFICATE is only looked at with MSSQL_ENCRYPT=strict, and that is {self.encrypt}",
                hint="set MSSQL_ENCRYPT=strict (SQL Server 2022), or let this machine trust the certificate's issuer",
            )
        if self.trust_server_certificate and self.encrypt == "strict":
            raise SettingsError(
                "MSSQL_ENCRYPT=strict trusts no certificate unseen", hint="leave out MSSQL_TRUST_SERVER_CERTIFICATE"
            )

    @property
    def asks_a_person(self) -> bool:
        """Whether somebody signs in, which a driver remembers within its process alone."""
        return self.authentication in _ASKING

    @property
    def name(self) -> str:
        """Host and database, for messages."""
        return f"{self.host}/{self.database}"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        user = f"{quote(self.user, safe='')}@" if self.user else ""
        return f"{SCHEME}://{user}{host}:{self.port}/{quote(self.database, safe='')}"

    def _secret(self) -> str:
        return self.password.get_secret_value() if self.password else ""


def is_url(text: str) -> bool:
    """Whether a source is named by a URL, even by one that lacks a slash, and not by a path; `C:\\x` is a path."""
    return "://" in text or text.lower().startswith(f"{SCHEME}:")


def _require(value: object, message: str, hint: str) -> None:
    if not value:
        raise SettingsError(message, hint=hint)


def _is_ipv6(host: str) -> bool:
    try:
        ipaddress.IPv6Address(host)
    except ValueError:
        return False
    return True
