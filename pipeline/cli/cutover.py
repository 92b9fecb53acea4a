"""`cutover`: the application that reads DB_TYPE from .env goes over to PostgreSQL, or back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.console import make_console
from pipeline.cli.dotenv import read_dotenv, write_dotenv
from pipeline.cli.opening import (
    CodePageOption,
    LinksOption,
    MappingOption,
    PasswordOption,
    SourceArgument,
    load_source_settings,
    new_run_id,
    open_target,
    opened_plan,
    run_of,
)
from pipeline.cli.proof import write_proof
from pipeline.engine.summary import keep_findings, verified_plan
from pipeline.outcome import Level, clean
from pipeline.postgres.connect import connect
from pipeline.report.line import say
from pipeline.report.text import print_findings
from pipeline.settings import DbType, Settings

_DOTENV = Path(".env")


def cutover(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    back: Annotated[bool, typer.Option("--back", help="Put DB_TYPE back to what it was before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify and tell; leave .env as it is.")] = False,
) -> None:
    """Set DB_TYPE=POSTGRESQL in .env, once every cell has been verified anew; exit 1 and no switch on a finding."""
    dotenv, console = read_dotenv(_DOTENV), make_console()
    if dotenv.switched is not back:
        say(console, f"nothing to do: {_DOTENV} has DB_TYPE={dotenv.value}")
        return
    text, coming = (dotenv.back(), dotenv.before) if back else (dotenv.forth(), DbType.POSTGRESQL.value)
    if not back:
        dotenv.check_target()
        settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
        if not _verified(settings, source, mapping, code_page, console, dry_run=dry_run):
            say(console, f"{_DOTENV} stays as it is: DB_TYPE={dotenv.value}")
            say(console, "hint: mend what was found, as by: python -m pipeline verify --repair; then cutover again")
            raise typer.Exit(1)
        if not settings.target_configured:
            say(console, f"note: {_DOTENV} names no PostgreSQL; this one's place: python -m pipeline server url")
    if dry_run:
        say(console, f"dry run: {_DOTENV} stays as it is: DB_TYPE={dotenv.value}; it would become DB_TYPE={coming}")
        return
    write_dotenv(dotenv, text)
    say(console, f"{_DOTENV}: DB_TYPE was {dotenv.value}, and is {read_dotenv(_DOTENV).value}; restart the application")
    if not back:
        say(console, "the way back: python -m pipeline cutover --back")


def _verified(
    settings: Settings,
    source: str | None,
    mapping: Path | None,
    code_page: str | None,
    console: Console,
    *,
    dry_run: bool,
) -> bool:
    """Now, and not as the ledger remembers it: either side may have been written to since."""
    with opened_plan(settings, source, mapping, code_page) as opened:
        target = open_target(settings, console)
        with connect(target, application_name="naru cutover", autocommit=True) as connection:
            started = time.perf_counter()
            verified = verified_plan(connection, opened.plan, opened.source, Level.CONTENT)
            if not dry_run:
                run = run_of(opened, new_run_id(), "cutover")
                proof = write_proof(run, target, verified, console)
                seconds = time.perf_counter() - started
                keep_findings(
                    connection, opened.plan, run, verified.findings, seconds=seconds, level=Level.CONTENT, proof=proof
                )
    print_findings(console, verified.findings)
    return clean(verified.findings)
