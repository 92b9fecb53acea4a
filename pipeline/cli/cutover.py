"""`cutover`: the application that reads DB_TYPE from .env goes over to PostgreSQL, or back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.console import answer, make_console
from pipeline.cli.dotenv import Dotenv, read_dotenv, write_dotenv
from pipeline.cli.opening import (
    CodePageOption,
    JsonOption,
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
from pipeline.outcome import Finding, Level, ProofFile, clean
from pipeline.postgres.connect import connect
from pipeline.report.line import say
from pipeline.report.text import as_json, print_findings
from pipeline.settings import DbType, Settings

_DOTENV = Path(".env")


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the verification came to, as `verify` tells it."""

    target: str
    level: Level
    findings: tuple[Finding, ...]
    proof: ProofFile | None
    """None on a dry run too."""


def cutover(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    back: Annotated[bool, typer.Option("--back", help="Put DB_TYPE back to what it was before.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Verify and tell; leave .env as it is.")] = False,
    json: JsonOption = False,
) -> None:
    """Set DB_TYPE=POSTGRESQL in .env, once every cell has been verified anew; exit 1 and no switch on a finding."""
    dotenv, console = read_dotenv(_DOTENV), make_console(stderr=json)
    asked, seen = dotenv.value, None
    if dotenv.switched is not back:
        say(console, f"nothing to do: {_DOTENV} has DB_TYPE={dotenv.value}")
    elif back:
        asked = dotenv.before
        _switch(dotenv, dotenv.back(), asked, console, dry_run=dry_run)
    else:
        asked = DbType.POSTGRESQL.value
        dotenv.check_target()
        settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
        seen = _verified(settings, source, mapping, code_page, console, dry_run=dry_run)
        _switch_if_clean(dotenv, seen, settings, console, dry_run=dry_run)
    if json:
        told = {"dotenv": _DOTENV, "was": dotenv.value, "asked": asked, "now": read_dotenv(_DOTENV).value}
        answer(as_json(told | {"dry_run": dry_run, "verified": seen}))
    if seen and not clean(seen.findings):
        raise typer.Exit(1)


def _switch_if_clean(dotenv: Dotenv, seen: _Seen, settings: Settings, console: Console, *, dry_run: bool) -> None:
    if not clean(seen.findings):
        say(console, f"{_DOTENV} stays as it is: DB_TYPE={dotenv.value}")
        say(console, "hint: mend what was found, as by: python -m pipeline verify --repair; then cutover again")
        return
    if not settings.target_configured:
        say(console, f"note: {_DOTENV} names no PostgreSQL; this one's place: python -m pipeline server url")
    _switch(dotenv, dotenv.forth(), DbType.POSTGRESQL.value, console, dry_run=dry_run)
    if not dry_run:
        say(console, "the way back: python -m pipeline cutover --back")


def _switch(dotenv: Dotenv, text: str, asked: str, console: Console, *, dry_run: bool) -> None:
    if dry_run:
        say(console, f"dry run: {_DOTENV} stays as it is: DB_TYPE={dotenv.value}; it would become DB_TYPE={asked}")
        return
    write_dotenv(dotenv, text)
    say(console, f"{_DOTENV}: DB_TYPE was {dotenv.value}, and is {read_dotenv(_DOTENV).value}; restart the application")


def _verified(
    settings: Settings,
    source: str | None,
    mapping: Path | None,
    code_page: str | None,
    console: Console,
    *,
    dry_run: bool,
) -> _Seen:
    """Now, and not as the ledger remembers it: either side may have been written to since."""
    proof = None
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
    return _Seen(target.describe(), Level.CONTENT, verified.findings, proof)
