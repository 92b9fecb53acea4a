"""From settings and flags to the things that commands work with: source, mapping, plan and target."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from getpass import getpass
from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer
from rich.console import Console

import pipeline
from pipeline.batch import Fingerprint
from pipeline.catalog import Catalog
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.dialects.rules import Dialect
from pipeline.engine.plan import Plan, make_plan
from pipeline.errors import SettingsError, UsageError
from pipeline.mapping.models import Mapping
from pipeline.mapping.read import read_mapping
from pipeline.outcome import Level
from pipeline.postgres.connect import Target
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.record import Run
from pipeline.settings import DbType, Settings, load_settings
from pipeline.sources.access import AccessSource, LinkedSource
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.base import Source
from pipeline.sources.mssql.address import Address, is_url
from pipeline.sources.mssql.source import MssqlSource

SourceArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="A file (.mdb, .accdb, .bacpac) or mssql://user@host:1433/database; "
        "default: ACCESS_PATH or MSSQL_HOST and MSSQL_DB.",
    ),
]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", "-m", metavar="M", help="The mapping; default: what `map` would write.")
]
TablesOption = Annotated[str, typer.Option(metavar="a,b", help="Only these tables, by source or target name.")]
CodePageOption = Annotated[
    str | None, typer.Option(metavar="CP", help="Code page of an Access 97 file whose header is wrong: 949.")
]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the source's password from standard input, one line.")
]
LinksOption = Annotated[
    Path | None,
    typer.Option("--follow-links", metavar="DIR", help="Read linked tables too, from the Access files in DIR."),
]
SalvageOption = Annotated[
    bool, typer.Option("--salvage", help="Read a damaged file as far as it can be; the rest goes to the quarantine.")
]
LevelOption = Annotated[
    Level, typer.Option(help="How far to verify: rows counted, keys and relationships too, or every cell too.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

DialectOf = Callable[[Catalog], Dialect]
"""A source's catalog may say what its expressions mean: by which collation SQL Server compares text."""
_LONGEST_LINE = 1024
"""Characters; Access takes 20, SQL Server 128."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is open, the mapping for it, and what a run would do."""

    source: Source
    name: str
    """The file's name, without its directories; of a server, host and database."""
    mapping: Mapping
    plan: Plan


def named_source(settings: Settings, source: str | None) -> Path | Address:
    """The file or server that the command line or the settings name; raises UsageError and SettingsError."""
    if source is not None:
        return Address.from_url(source, settings) if is_url(source) else Path(source)
    match _db_type(settings):
        case DbType.MSSQL:
            return Address.from_settings(settings)
        case DbType.ACCESS if settings.access_path:
            return settings.access_path
        case DbType.ACCESS:
            raise SettingsError("DB_TYPE=ACCESS, and no file is named", hint="set ACCESS_PATH, or name the file")
        case kind:
            raise SettingsError(
                f"DB_TYPE={kind.value} is no source that is read yet",
                hint="name the source on the command line, or undo a cutover with: python -m pipeline cutover --back",
            )


def _db_type(settings: Settings) -> DbType:
    if settings.db_type is not None:
        return settings.db_type
    if settings.access_path and settings.mssql_host:
        raise SettingsError(
            "ACCESS_PATH and MSSQL_HOST both name a source", hint="set DB_TYPE to ACCESS or MSSQL, or name the source"
        )
    if settings.access_path:
        return DbType.ACCESS
    if settings.mssql_host:
        return DbType.MSSQL
    raise UsageError(
        "no source is named",
        hint="give the path of an .accdb, .mdb or .bacpac file or mssql://user@host/database, or set ACCESS_PATH or "
        "MSSQL_HOST",
    )


def load_source_settings(
    source: str | None, *, password_stdin: bool, follow_links: Path | None = None, **flags: object
) -> Settings:
    """Settings of a command that reads a source; `--password-stdin` outranks ACCESS_PASSWORD and MSSQL_PASSWORD."""
    password = typed_password("source") if password_stdin else None
    settings = load_settings(access_password=password, mssql_password=password, access_links=follow_links, **flags)
    if follow_links is not None and not _is_access(named_source(settings, source)):
        raise UsageError("--follow-links is for Access files", hint="leave it out")
    return settings


def typed_password(of: str) -> str:
    """One line of standard input, without echo on a terminal.

    There is no flag that takes the password itself: it would stand in the shell's history and in the list
    of processes. Raises UsageError.
    """
    try:
        line = getpass(f"password of the {of}: ") if sys.stdin.isatty() else sys.stdin.readline(_LONGEST_LINE)
    except (UnicodeDecodeError, EOFError):
        line = ""
    password = line.rstrip("\r\n")
    if not password:
        raise UsageError("--password-stdin finds no text on standard input", hint="pipe one line with the password")
    return password


def open_source(
    settings: Settings, source: str | None, code_page: str | int | None, *, salvage: bool
) -> tuple[Source, DialectOf]:
    """The source that the command line or the settings name, to be entered; raises UsageError and SettingsError."""
    named, page = named_source(settings, source), code_page_of(code_page)
    if not _is_access(named) and (salvage or page is not None):
        raise UsageError(f"{named.name}: --salvage and --code-page are for Access files", hint="leave them out")
    if isinstance(named, Address):
        return MssqlSource(named), _by_collation
    if not _is_access(named):
        return BacpacSource(named), _offline
    password = settings.access_password.get_secret_value() if settings.access_password else None
    if settings.access_links is None:
        return AccessSource(named, code_page=page, password=password, salvage=salvage), lambda _: ACCESS
    if salvage:
        raise UsageError("--salvage reads one file alone", hint="leave out --follow-links and ACCESS_LINKS")
    return LinkedSource(named, settings.access_links, code_page=page, password=password), lambda _: ACCESS


def lone_access_file(settings: Settings, source: str | None) -> Path | None:
    """The source, where it is one file alone, of the kind that can be salvaged and read by another reader too."""
    named = named_source(settings, source)
    return named if isinstance(named, Path) and _is_access(named) and settings.access_links is None else None


def _is_access(named: Path | Address) -> bool:
    return isinstance(named, Path) and named.suffix.lower() != ".bacpac"


def _by_collation(catalog: Catalog) -> Dialect:
    return sql_server(catalog.facts["collation"])


def _offline(catalog: Catalog) -> Dialect:
    return sql_server(catalog.facts["collation"], offline=True)


def code_page_of(flag: str | int | None) -> str | int | None:
    """A code page as a mapping has it: its number, or the name of an encoding."""
    return int(flag) if isinstance(flag, str) and flag.isdigit() else flag


@contextmanager
def opened_plan(
    settings: Settings,
    source: str | None,
    mapping: Path | None,
    code_page: str | None,
    tables: str = "",
    *,
    salvage: bool = False,
) -> Iterator[Opened]:
    """Source, mapping and plan; without a mapping, the draft that `map` would write. Raises NaruError."""
    written = read_mapping(mapping) if mapping else None
    claimed = code_page or (written.mapping.code_page if written else None)
    opened, dialect_of = open_source(settings, source, claimed, salvage=salvage)
    only = [name.strip() for name in tables.split(",") if name.strip()]
    with opened:
        catalog = opened.catalog()
        dialect = dialect_of(catalog)
        if written:
            mapped = written.mapping
            plan = make_plan(catalog, mapped, dialect, where=written.where, only=only)
        else:
            made = draft(catalog, dialect=dialect)
            mapped = made.mapping
            plan = make_plan(catalog, mapped, dialect, only=only, notices=made.notices)
        yield Opened(opened, named_source(settings, source).name, mapped, plan)


def new_run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid4().hex[:6]}"


def run_of(opened: Opened, run_id: str, command: str, fingerprint: Fingerprint | None = None) -> Run:
    """A run of what is open; taking the fingerprint reads all of a file, so that one who has it gives it."""
    digest = hashlib.sha256(opened.mapping.model_dump_json().encode()).hexdigest()
    taken = fingerprint or opened.source.fingerprint()
    return Run(run_id, command, opened.name, taken.digest, digest, pipeline.__version__)


def open_target(settings: Settings, console: Console) -> Target:
    """The configured target, or the embedded server, started if need be, and says so."""
    if settings.target_configured:
        return Target.from_settings(settings)
    target = EmbeddedServer(settings.naru_home).ensure_running()
    console.print(
        f"no PostgreSQL is configured: using the embedded server in {settings.naru_home}", markup=False, highlight=False
    )
    return target
