"""From settings and flags to the things that commands work with: source, mapping, plan and target."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.catalog import Catalog, Notice
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.dialects.rules import Dialect
from pipeline.engine.plan import Plan, make_plan
from pipeline.errors import SettingsError, UsageError
from pipeline.mapping.check import Where, drafted
from pipeline.mapping.models import Mapping
from pipeline.mapping.read import read_mapping
from pipeline.postgres.connect import Target
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.settings import DbType, Settings
from pipeline.sources.access import AccessSource
from pipeline.sources.base import Source

FileArgument = Annotated[
    Path | None, typer.Argument(metavar="[FILE]", help="The Access file (.mdb, .accdb); default: ACCESS_PATH.")
]
MappingOption = Annotated[
    Path | None, typer.Option("--mapping", "-m", metavar="M", help="The mapping; default: what `map` would write.")
]
TablesOption = Annotated[str, typer.Option(metavar="a,b", help="Only these tables, by source or target name.")]
CodePageOption = Annotated[
    str | None, typer.Option(metavar="CP", help="Code page of an Access 97 file whose header is wrong: 949.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The mapping of a run, from a file or drafted, and where its lines stand."""

    mapping: Mapping
    where: Where
    notices: tuple[Notice, ...]


def source_path(settings: Settings, file: Path | None) -> Path:
    """The file that the flags or the settings name; raises UsageError."""
    path = file or settings.access_path
    if path is None:
        raise UsageError("no source is named", hint="give the path of an .accdb or .mdb file, or set ACCESS_PATH")
    return path


def open_source(settings: Settings, file: Path | None, code_page: str | int | None) -> tuple[Source, Dialect]:
    """The source that the flags or the settings name; raises UsageError and SourceError."""
    path = source_path(settings, file)
    if settings.db_type not in (None, DbType.ACCESS, DbType.POSTGRESQL):
        raise SettingsError(
            f"DB_TYPE={settings.db_type.value} is not read yet", hint="set DB_TYPE=ACCESS, or take it away"
        )
    password = settings.access_password.get_secret_value() if settings.access_password else None
    return AccessSource(path, code_page=_code_page(code_page), password=password), ACCESS


def _code_page(text: str | int | None) -> str | int | None:
    return int(text) if isinstance(text, str) and text.isdigit() else text


def choose_mapping(path: Path | None, catalog: Catalog, dialect: Dialect) -> Chosen:
    """The user's mapping, or the draft that `map` would write."""
    if path is not None:
        file = read_mapping(path)
        return Chosen(file.mapping, file.where, ())
    made = draft(catalog, dialect=dialect)
    return Chosen(made.mapping, drafted, made.notices)


def plan_for(source: Source, dialect: Dialect, chosen: Chosen, tables: str) -> Plan:
    only = [name.strip() for name in tables.split(",") if name.strip()]
    return make_plan(source.catalog(), chosen.mapping, dialect, where=chosen.where, only=only, notices=chosen.notices)


def open_target(settings: Settings, console: Console) -> Target:
    """The configured target, or the embedded server, started if need be, and says so."""
    if settings.target_configured:
        return Target.from_settings(settings)
    target = EmbeddedServer(settings.naru_home).ensure_running()
    console.print(
        f"no PostgreSQL is configured: using the embedded server in {settings.naru_home}", markup=False, highlight=False
    )
    return target
