"""Where the PostgreSQL is, as a value that does not show its password."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Self, get_args
from urllib.parse import quote

import psycopg
from psycopg.conninfo import conninfo_to_dict
from pydantic import SecretStr

from pipeline.errors import SettingsError
from pipeline.settings import Settings, SslMode

_NETWORK = {
    "connect_timeout": "10",
    # A dead peer is found after a minute. No tcp_user_timeout: it also cuts a server that is only slow to read.
    "keepalives": "1",
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where the PostgreSQL is that is being written, and as whom."""

    host: str
    port: int
    user: str
    database: str
    password: SecretStr | None = None
    """None leaves it to libpq: .pgpass, trust, peer."""
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    """Further parameters of libpq, as sslmode; may hold secrets."""

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """The target that the user named; raises SettingsError for a URL that is none, or names none."""
        if settings.database_url is not None:
            return cls.from_url(settings.database_url)
        if settings.postgresql_host is None or settings.postgresql_user is None or settings.postgresql_db is None:
            raise SettingsError("no target is configured", hint="set POSTGRESQL_HOST, or use the embedded server")
        mode = settings.postgresql_sslmode
        return cls(
            settings.postgresql_host,
            settings.postgresql_port,
            settings.postgresql_user,
            settings.postgresql_db,
            settings.postgresql_password,
            (("sslmode", mode),) if mode else (),
        )

    @classmethod
    def from_url(cls, url: SecretStr) -> Self:
        """Read a connection URL of libpq; the error does not repeat it, since it may hold a password."""
        try:
            parts = {name: str(value) for name, value in conninfo_to_dict(url.get_secret_value()).items()}
            port = int(parts.pop("port", "5432"))
            host, user, database = (parts.pop(name) for name in ("host", "user", "dbname"))
            if "@" in host or not 0 < port < 65536 or parts.get("sslmode", "prefer") not in get_args(SslMode):
                raise ValueError
        except (psycopg.Error, ValueError, KeyError) as error:
            missing = f" without {error}" if isinstance(error, KeyError) else ""
            raise SettingsError(
                f"DATABASE_URL is not a connection url{missing}",
                hint="write postgresql://user:password@host:5432/database; in the password, %40 is @ and %2F is /",
            ) from None
        password = parts.pop("password", None)
        return cls(host, port, user, database, SecretStr(password) if password else None, tuple(sorted(parts.items())))

    def describe(self) -> str:
        """URL without password and parameters, for people."""
        return f"postgresql://{quote(self.user, safe='')}@{self._place}"

    def url(self) -> SecretStr:
        """URL with the password, for another program."""
        password = "" if self.password is None else ":" + quote(self.password.get_secret_value(), safe="")
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in self.parameters)
        return SecretStr(
            f"postgresql://{quote(self.user, safe='')}{password}@{self._place}{'?' if query else ''}{query}"
        )

    @property
    def _place(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else quote(self.host, safe="")
        return f"{host}:{self.port}/{quote(self.database, safe='')}"

    def with_database(self, database: str) -> Self:
        return replace(self, database=database)

    def conninfo(self) -> dict[str, str]:
        """Parameters for libpq, the password in the clear: hand it to a driver, never to a log."""
        secret = {} if self.password is None else {"password": self.password.get_secret_value()}
        place = {"host": self.host, "port": str(self.port), "user": self.user, "dbname": self.database}
        return _NETWORK | dict(self.parameters) | {"client_encoding": "UTF8"} | place | secret

    def environment(self, around: Mapping[str, str]) -> dict[str, str]:
        """The same among the variables around it, for psql and pg_dump: a process list does not show them.

        Without PGSERVICE: what a service file says would outrank them all, and may be another server.
        """
        names = {
            option.keyword.decode(): option.envvar.decode()
            for option in psycopg.pq.Conninfo.get_defaults()
            if option.envvar
        }
        own = {names[keyword]: value for keyword, value in self.conninfo().items() if keyword in names}
        return {name: value for name, value in {**around, **own}.items() if name != "PGSERVICE"}
