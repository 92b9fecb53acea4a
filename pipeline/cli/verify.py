"""`verify`: does the target hold what the source says it should."""

from __future__ import annotations

import typer

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import (
    CodePageOption,
    JsonOption,
    LinksOption,
    MappingOption,
    PasswordOption,
    SalvageOption,
    SourceArgument,
    TablesOption,
    load_source_settings,
    open_target,
    opened_plan,
)
from pipeline.engine.summary import verify_plan
from pipeline.outcome import clean
from pipeline.postgres.connect import connect
from pipeline.report.text import as_json, print_findings


def verify(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    tables: TablesOption = "",
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    json: JsonOption = False,
) -> None:
    """Check counts, keys, relationships, required columns, identities and the quarantine; exit 1 on a finding."""
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    console = make_console(stderr=json)
    with opened_plan(settings, source, mapping, code_page, tables, salvage=salvage) as opened:
        target = open_target(settings, console)
        with connect(target, application_name="naru verify", autocommit=True) as connection:
            findings = verify_plan(connection, opened.plan, opened.source)
    if json:
        answer(as_json({"target": target.describe(), "findings": findings}))
    print_findings(console, findings)
    if not clean(findings):
        raise typer.Exit(1)
