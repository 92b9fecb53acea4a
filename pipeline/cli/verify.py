"""`verify`: does the target hold what the source says it should."""

from __future__ import annotations

import time

import typer
from rich.console import Console

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import (
    CodePageOption,
    JsonOption,
    LevelOption,
    LinksOption,
    MappingOption,
    Opened,
    PasswordOption,
    SalvageOption,
    SourceArgument,
    TablesOption,
    load_source_settings,
    new_run_id,
    open_target,
    opened_plan,
    run_of,
)
from pipeline.engine.summary import keep_findings, verify_plan
from pipeline.errors import TargetError
from pipeline.outcome import Finding, Level, clean
from pipeline.postgres.connect import Connection, connect
from pipeline.report.text import as_json, print_findings


def verify(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    tables: TablesOption = "",
    level: LevelOption = Level.CONTENT,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    json: JsonOption = False,
) -> None:
    """Compare every cell with the source, check counts, keys, relationships and the quarantine; exit 1 on a finding."""
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    console = make_console(stderr=json)
    with opened_plan(settings, source, mapping, code_page, tables, salvage=salvage) as opened:
        target = open_target(settings, console)
        with connect(target, application_name="naru verify", autocommit=True) as connection:
            started = time.perf_counter()
            findings = verify_plan(connection, opened.plan, opened.source, level=level)
            _keep(connection, opened, findings, console, seconds=time.perf_counter() - started)
    if json:
        answer(as_json({"target": target.describe(), "findings": findings}))
    print_findings(console, findings)
    if not clean(findings):
        raise typer.Exit(1)


def _keep(
    connection: Connection, opened: Opened, findings: tuple[Finding, ...], console: Console, *, seconds: float
) -> None:
    """For `report`. A role that may only read can verify as well; that nothing is kept then is said."""
    try:
        keep_findings(connection, opened.plan, run_of(opened, new_run_id(), "verify"), findings, seconds=seconds)
    except TargetError as error:
        console.print(f"note: not kept for a report: {error.message}", style="yellow", markup=False, highlight=False)
