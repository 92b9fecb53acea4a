"""Flags, environment and .env become one frozen value; the first that names a setting decides it.

A field is the environment variable of the same name in lower case. Empty means not set, and an
empty variable of the environment hides the one of .env.
"""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from dotenv.parser import Binding, parse_stream
from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from pipeline.errors import SettingsError

SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
Encryption = Literal["mandatory", "strict", "optional"]
Authentication = Literal[
    "sql",
    "integrated",
    "ActiveDirectoryDefault",
    "ActiveDirectoryDeviceCode",
    "ActiveDirectoryIntegrated",
    "ActiveDirectoryInteractive",
    "ActiveDirectoryMSI",
    "ActiveDirectoryPassword",
    "ActiveDirectoryServicePrincipal",
]
"""How SQL Server is told who is asking; all but the first two are the driver's own words."""
SourceSnapshot = Literal["auto", "isolation", "database", "none"]
_SECRETS = frozenset({"database_url", "postgresql_password", "access_password", "mssql_password", "backup_on_failure"})
_TARGET = tuple(f"postgresql_{part}" for part in ("host", "port", "user", "password", "db", "sslmode"))
_TARGET_PARTS = ("postgresql_host", "postgresql_user", "postgresql_db")
_SQL_SERVER_PARTS = ("mssql_host", "mssql_db")


class DbType(Enum):
    """The system that a source file or connection belongs to."""

    ACCESS = "ACCESS"
    MSSQL = "MSSQL"
    POSTGRESQL = "POSTGRESQL"


class _DotEnv(PydanticBaseSettingsSource):
    """The lines of .env as they stand: `${HOME}` in a password is no variable, and no line is left out unsaid."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        raise NotImplementedError  # pydantic asks for it; `__call__` gives all at once

    def __call__(self) -> dict[str, Any]:
        known = self.settings_cls.model_fields
        values: dict[str, Any] = {}
        for line in _lines_of_dotenv():
            name = (line.key or "").lower()
            if line.error or (name in known and line.value is None):
                raise SettingsError(
                    f".env, line {_number(line)}: is not NAME=value",
                    hint="write a value that has spaces, # or quotes as '...', with \\' for ' and \\\\ for \\",
                )
            if name in known:
                values[name] = line.value
        return values


def _lines_of_dotenv() -> list[Binding]:
    try:
        with Path(".env").open(encoding="utf-8-sig") as text:  # Notepad begins a file with a byte order mark
            return list(parse_stream(text))
    except FileNotFoundError:
        return []


def _number(line: Binding) -> int:
    """Of the line that it begins in; what is empty before it belongs to it."""
    before = line.original.string
    return line.original.line + before[: len(before) - len(before.lstrip())].count("\n")


class Settings(BaseSettings):
    """What the user has chosen, checked; secrets do not show in its repr."""

    model_config = SettingsConfigDict(
        extra="ignore",  # .env may be shared with other programs
        frozen=True,
        hide_input_in_errors=True,
    )

    database_url: SecretStr | None = None
    postgresql_host: str | None = None
    postgresql_port: Annotated[int, Field(ge=1, le=65535)] = 5432
    postgresql_user: str | None = None
    postgresql_password: SecretStr | None = None
    postgresql_db: str | None = None
    postgresql_sslmode: SslMode | None = None
    postgresql_bin: Path | None = None
    """Directory of the pg_dump, pg_restore, pg_dumpall and psql to use; None looks for ones that fit."""
    db_type: DbType | None = None
    access_path: Path | None = None
    access_password: SecretStr | None = None
    access_links: Path | None = None
    """Directory of the Access files that the source's links may lead to; None follows none."""
    mssql_host: str | None = None
    mssql_port: Annotated[int, Field(ge=1, le=65535)] = 1433
    mssql_db: str | None = None
    mssql_user: str | None = None
    mssql_password: SecretStr | None = None
    mssql_encrypt: Encryption = "mandatory"
    mssql_trust_server_certificate: bool = False
    mssql_server_certificate: Path | None = None
    mssql_authentication: Authentication = "sql"
    mssql_odbc_driver: str | None = None
    """Name or path of the ODBC driver to use instead of the one that comes with Naru."""
    mssql_snapshot: SourceSnapshot = "auto"
    """How the rows of one run are made to belong to one moment."""
    migration_batch_size: Annotated[int, Field(ge=1, le=1_000_000)] = 20_000
    """Rows of a batch, at most."""
    migration_log_interval: Annotated[int, Field(ge=1)] = 10_000
    """Rows between two lines of progress in the log."""
    naru_home: Path = Path(".naru")
    """Directory of the embedded server."""
    backup_dir: Path = Path("backups")
    backup_keep_days: Annotated[int, Field(ge=1)] = 7
    """Of so many days that have backups, all are kept."""
    backup_keep_weekly: Annotated[int, Field(ge=0)] = 4
    """Of so many weeks that have backups, the last one is kept."""
    backup_keep_monthly: Annotated[int, Field(ge=0)] = 6
    backup_on_failure: SecretStr | None = None
    """A command, or the URL of a webhook, which is often a secret."""

    @property
    def target_configured(self) -> bool:
        """Whether the user named a PostgreSQL; if not, the embedded server is the target."""
        return self.database_url is not None or self.postgresql_host is not None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, _DotEnv(settings_cls)

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: dict[str, object]) -> dict[str, object]:
        return {name: value for name, value in values.items() if value not in ("", None)}

    @field_validator("db_type", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("mssql_encrypt", "mssql_snapshot", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("mssql_authentication", mode="before")
    @classmethod
    def _as_the_driver_writes_it(cls, value: object) -> object:
        words = {word.lower(): word for word in get_args(Authentication)}
        return words.get(value.lower(), value) if isinstance(value, str) else value

    @field_validator("database_url")
    @classmethod
    def _is_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(("postgresql://", "postgres://")):
            raise ValueError("should begin with postgresql://")
        return value

    @model_validator(mode="after")
    def _target_is_whole(self) -> Self:
        # Half a target must not end in the embedded server: the user meant another place.
        given = self.model_fields_set & {*_TARGET}
        if self.database_url is not None and given:
            raise ValueError(f"DATABASE_URL and {min(given).upper()} are both set; keep one way of naming the target")
        missing = [name for name in _TARGET_PARTS if getattr(self, name) is None]
        if given and missing:
            raise ValueError(f"{min(given).upper()} is set, and {', '.join(missing).upper()} missing")
        return self

    @model_validator(mode="after")
    def _sql_server_is_whole(self) -> Self:
        # The other settings of SQL Server may stand alone, beside a source that a URL names.
        given = self.model_fields_set & {*_SQL_SERVER_PARTS, "mssql_port"}
        missing = [name for name in _SQL_SERVER_PARTS if getattr(self, name) is None]
        if given and missing:
            raise ValueError(f"{min(given).upper()} is set, and {', '.join(missing).upper()} missing")
        return self


def load_settings(**overrides: object) -> Settings:
    """Settings of this run; `overrides` are the flags, and None is a flag not given.

    Raises SettingsError, which names the variable and never shows a secret.
    """
    flags = {name: value for name, value in overrides.items() if value is not None}
    try:
        return Settings(**_one_target(flags))  # type: ignore[arg-type]
    except ValidationError as error:
        problem = "; ".join(_describe(item["loc"], item["msg"], item.get("input")) for item in error.errors())
    except (UnicodeDecodeError, OSError) as error:
        problem = f".env cannot be read: {type(error).__name__}"
    raise SettingsError(problem, hint="correct it in the url, the environment or .env; .env.example explains it")


def _one_target(flags: dict[str, object]) -> dict[str, object]:
    """Flags that name a target hide the other way of naming it in the environment."""
    if "database_url" in flags:
        return dict.fromkeys(_TARGET, "") | flags
    return {"database_url": ""} | flags if "postgresql_host" in flags else flags


def _describe(location: tuple[int | str, ...], message: str, value: object) -> str:
    message = message.removeprefix("Value error, ").replace("Input should", "should")
    if not location:
        return message
    name = str(location[0])
    shown = "" if name in _SECRETS else f" {str(value)[:60]!r}"
    return f"{name.upper()}{shown}: {message}"
