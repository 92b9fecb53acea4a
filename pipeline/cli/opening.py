"""From settings and flags to the things that commands work with: source, mapping, plan and target."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from getpass import getpass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.catalog import Catalog
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.dialects.rules import Dialect
from pipeline.engine.plan import Plan, make_plan
from pipeline.errors import SettingsError, UsageError
from pipeline.mapping.models import Mapping
from pipeline.mapping.read import read_mapping
from pipeline.postgres.connect import Target
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.settings import DbType, Settings, load_settings
from pipeline.sources.access import AccessSource, LinkedSource
from pipeline.sources.bacpac import BacpacSource
from pipeline.sources.base import Source

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="The file (.mdb, .accdb, .bacpac); default: ACCESS_PATH.")
]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", "-m", metavar="M", help="The mapping; default: what `map` would write.")
]
TablesOption = Annotated[str, typer.Option(metavar="a,b", help="Only these tables, by source or target name.")]
CodePageOption = Annotated[
    str | None, typer.Option(metavar="CP", help="Code page of an Access 97 file whose header is wrong: 949.")
]
PasswordOption = Annotated[
    bool, typer.Option("--password-stdin", help="Read the file's password from standard input, one line.")
]
LinksOption = Annotated[
    Path | None,
    typer.Option("--follow-links", metavar="DIR", help="Read linked tables too, from the Access files in DIR."),
]
SalvageOption = Annotated[
    bool, typer.Option("--salvage", help="Read a damaged file as far as it can be; the rest goes to the quarantine.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]

DialectOf = Callable[[Catalog], Dialect]
"""A source's catalog may say what its expressions mean: by which collation SQL Server compares text."""
_LONGEST_LINE = 1024
"""Characters; Access takes 20."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is open, the mapping for it, and what a run would do."""

    source: Source
    name: str
    """The file's name, without its directories."""
    mapping: Mapping
    plan: Plan


def source_path(settings: Settings, file: Path | None) -> Path:
    """The file that the flags or the settings name; raises UsageError and SettingsError."""
    if file is not None:
        return file
    if settings.access_path is None:
        raise UsageError(
            "no source is named", hint="give the path of an .accdb, .mdb or .bacpac file, or set ACCESS_PATH"
        )
    if settings.db_type not in (None, DbType.ACCESS):
        raise SettingsError(
            f"DB_TYPE={settings.db_type.value} is no source that is read yet",
            hint="set DB_TYPE=ACCESS, or name the file on the command line",
        )
    return settings.access_path


def load_file_settings(*, password_stdin: bool, **flags: object) -> Settings:
    """Settings of a command that reads a file; `--password-stdin` outranks ACCESS_PASSWORD."""
    return load_settings(access_password=_typed_password() if password_stdin else None, **flags)


def _typed_password() -> str:
    """One line of standard input, without echo on a terminal.

    There is no flag that takes the password itself: it would stand in the shell's history and in the list
    of processes. Raises UsageError.
    """
    try:
        line = getpass("password of the file: ") if sys.stdin.isatty() else sys.stdin.readline(_LONGEST_LINE)
    except (UnicodeDecodeError, EOFError):
        line = ""
    password = line.rstrip("\r\n")
    if not password:
        raise UsageError("--password-stdin finds no text on standard input", hint="pipe one line with the password")
    return password


def open_source(
    settings: Settings, file: Path | None, code_page: str | int | None, *, salvage: bool
) -> tuple[Source, DialectOf]:
    """The source that the flags or the settings name, to be entered; raises UsageError and SettingsError."""
    password = settings.access_password.get_secret_value() if settings.access_password else None
    path, directory, page = source_path(settings, file), settings.access_links, code_page_of(code_page)
    if _is_bacpac(path):
        if salvage or page is not None:
            raise UsageError(f"{path.name}: --salvage and --code-page are for Access files", hint="leave them out")
        return BacpacSource(path), lambda catalog: sql_server(catalog.facts["collation"])
    if directory is None:
        return AccessSource(path, code_page=page, password=password, salvage=salvage), lambda _: ACCESS
    if salvage:
        raise UsageError("--salvage reads one file alone", hint="leave out --follow-links and ACCESS_LINKS")
    return LinkedSource(path, directory, code_page=page, password=password), lambda _: ACCESS


def is_one_access_file(settings: Settings, file: Path | None) -> bool:
    """Whether there is one file alone, of the kind that can be salvaged and read by another reader too."""
    return settings.access_links is None and not _is_bacpac(source_path(settings, file))


def _is_bacpac(path: Path) -> bool:
    return path.suffix.lower() == ".bacpac"


def code_page_of(flag: str | int | None) -> str | int | None:
    """A code page as a mapping has it: its number, or the name of an encoding."""
    return int(flag) if isinstance(flag, str) and flag.isdigit() else flag


@contextmanager
def opened_plan(
    settings: Settings,
    file: Path | None,
    mapping: Path | None,
    code_page: str | None,
    tables: str = "",
    *,
    salvage: bool = False,
) -> Iterator[Opened]:
    """Source, mapping and plan; without a mapping, the draft that `map` would write. Raises NaruError."""
    written = read_mapping(mapping) if mapping else None
    claimed = code_page or (written.mapping.code_page if written else None)
    source, dialect_of = open_source(settings, file, claimed, salvage=salvage)
    only = [name.strip() for name in tables.split(",") if name.strip()]
    with source:
        catalog = source.catalog()
        dialect = dialect_of(catalog)
        if written:
            mapped = written.mapping
            plan = make_plan(catalog, mapped, dialect, where=written.where, only=only)
        else:
            made = draft(catalog, dialect=dialect)
            mapped = made.mapping
            plan = make_plan(catalog, mapped, dialect, only=only, notices=made.notices)
        yield Opened(source, source_path(settings, file).name, mapped, plan)


def open_target(settings: Settings, console: Console) -> Target:
    """The configured target, or the embedded server, started if need be, and says so."""
    if settings.target_configured:
        return Target.from_settings(settings)
    target = EmbeddedServer(settings.naru_home).ensure_running()
    console.print(
        f"no PostgreSQL is configured: using the embedded server in {settings.naru_home}", markup=False, highlight=False
    )
    return target
