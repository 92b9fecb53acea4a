"""`backup restore`: a database out of a backup, and never over one that holds something."""

from __future__ import annotations

import shlex
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console

from pipeline.backup.folder import Backup, open_backup
from pipeline.backup.restore import Restore, check_files, check_server, in_place, into_empty, into_new, left_out
from pipeline.cli.backup import VerboseOption, stoppable, watching
from pipeline.cli.console import make_console
from pipeline.cli.opening import new_run_id, typed_password
from pipeline.errors import UsageError
from pipeline.log import open_log
from pipeline.postgres.client.programs import Need, programs_for
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.databases import find_database, strangers
from pipeline.report.line import say
from pipeline.settings import Settings, load_settings

_NAME = "naru restore"


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Any file of the backup.")],
    to: Annotated[
        str,
        typer.Option(
            metavar="URL",
            help="The database: postgresql://user@host:5432/database. Its password is better left to --password-stdin, "
            "~/.pgpass or the settings, where they name the same server and user.",
        ),
    ],
    create: Annotated[bool, typer.Option("--create", help="Make the database where it is not there.")] = False,
    replace_: Annotated[
        str | None,
        typer.Option("--replace", metavar="NAME", help="Replace the database of this name, which holds something."),
    ] = None,
    no_owner: Annotated[
        bool, typer.Option("--no-owner", help="Everything belongs to the URL's user, without grants.")
    ] = False,
    password_stdin: Annotated[
        bool, typer.Option("--password-stdin", help="Read the password from standard input, one line.")
    ] = False,
    verbose: VerboseOption = False,
) -> None:
    """Restore a backup into an empty database, and compare every table; exit 1 where one differs.

    A database that holds something is refused. With --replace it is renamed once the backup is restored beside it,
    and dropped by nobody.
    """
    settings, console = load_settings(), make_console()
    open_log(Path("logs"), verbose=verbose, run_id=new_run_id())
    target = _target(settings, to, typed_password("target") if password_stdin else None)
    backup = open_backup(file)
    with stoppable():
        check_files(backup, watching(console))
        with connect(_beside(target), application_name=_NAME, autocommit=True, any_encoding=True) as admin:
            check_server(backup, _beside(target))
            job = _job(settings, backup, target, admin, console, owners=not no_owner)
            rest = left_out(job)
            problems = _restored(job, admin, console, create=create, named=replace_)
    for problem in problems:
        say(console, f"differs: {problem}", "red")
    if problems:
        raise typer.Exit(1)
    tables, rows = len(backup.manifest.tables), sum(table.rows for table in backup.manifest.tables)
    if rest:
        look = f"pg_restore --create --schema-only --file=- {shlex.quote(str(backup.archive))}"
        say(console, f"note: not restored are {', '.join(rest)} of the database itself; see: {look}", "yellow")
    say(console, f"restored and equal: {target.describe()}, {tables:,} tables, {rows:,} rows")


def _target(settings: Settings, url: str, password: str | None) -> Target:
    """Of the settings only the password, and only where it is the same server's and role's."""
    target = Target.from_url(load_settings(database_url=url).database_url or SecretStr(url))
    if password is not None:
        return replace(target, password=SecretStr(password))
    if target.password is None and settings.target_configured:
        own = Target.from_settings(settings)
        if (own.host, own.port, own.user) == (target.host, target.port, target.user):
            return replace(target, password=own.password)
    return target


def _beside(target: Target) -> Target:
    """Another database of the server: from there one is made, or renamed."""
    return target.with_database("template1" if target.database == "postgres" else "postgres")


def _job(
    settings: Settings, backup: Backup, target: Target, admin: Connection, console: Console, *, owners: bool
) -> Restore:
    programs = programs_for(settings, replace(Need.of(admin), major=backup.manifest.pg_dump_major))
    return Restore(backup, target, programs, owners, watching(console))


def _restored(job: Restore, admin: Connection, console: Console, *, create: bool, named: str | None) -> list[str]:
    name = job.target.database
    if find_database(admin, name) is None:
        if not create:
            raise UsageError(f"there is no database {name}", hint="correct the url, or make it with --create")
        return into_new(job, admin)
    with connect(job.target, application_name=_NAME, autocommit=True) as session:
        found = strangers(session)
    if not found:
        return into_empty(job)
    _confirm(name, found, named)
    old, problems = in_place(job, admin)
    if not problems:
        say(console, f"what was there is now database {old}; drop it once you need it no more", "yellow")
    return problems


def _confirm(name: str, found: list[str], named: str | None) -> None:
    """By the name itself, since a habit types `yes`; raises UsageError."""
    what = f"database {name} holds {', '.join(found[:3])}{' and more' if found[3:] else ''}"
    if named is None and sys.stdin.isatty():
        named = typer.prompt(f"{what}. Type its name to replace it", err=True)
    if named != name:
        raise UsageError(what, hint=f"name an empty database, or replace this one: --replace {name}")
