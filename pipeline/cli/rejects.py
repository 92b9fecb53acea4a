"""`rejects`: the quarantine, and the way out of it."""

from __future__ import annotations

from typing import Annotated

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
    load_source_settings,
    open_target,
    opened_plan,
)
from pipeline.engine.replay import lost_places
from pipeline.engine.replay import replay as replay_rejects
from pipeline.ledger.ledger import Ledger
from pipeline.postgres.connect import connect, translated
from pipeline.record import RejectCount, StoredReject
from pipeline.report.text import as_json, print_rejects
from pipeline.settings import load_settings

app = typer.Typer(help="Show the refused rows, or try them again.", no_args_is_help=False)


@app.callback(invoke_without_command=True)
def rejects(
    context: typer.Context,
    table: Annotated[str | None, typer.Option(metavar="T", help="Only rows of this target table.")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Rows to show.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show the rows in the quarantine with their reasons and original values."""
    if context.invoked_subcommand:
        return
    settings = load_settings()
    console = make_console(stderr=json)
    target = open_target(settings, console)
    with (
        connect(target, application_name="naru rejects", autocommit=True) as connection,
        translated("reading the quarantine"),
        connection.transaction(),
    ):
        ledger = Ledger(connection)
        summary, shown = _waiting(ledger, table, limit) if ledger.ready() else ([], [])
    if json:
        answer(as_json({"summary": summary, "rejects": shown}))
    else:
        print_rejects(console, summary, shown, table)


def _waiting(ledger: Ledger, table: str | None, limit: int) -> tuple[list[RejectCount], list[StoredReject]]:
    """Counts, and the oldest rows, of all tables or of one, whose name may come with its schema."""
    summary = [
        row
        for row in ledger.reject_summary()
        if table in (None, row.target_table, f"{row.target_schema}.{row.target_table}")
    ]
    if table is None:
        return summary, list(ledger.rejects(limit=limit))
    names = dict.fromkeys((row.target_schema, row.target_table) for row in summary)
    rows = [row for schema, name in names for row in ledger.rejects(schema=schema, table=name, limit=limit)]
    return summary, rows[:limit]


@app.command()
def replay(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    json: JsonOption = False,
) -> None:
    """Try the refused rows again, with the mapping and the target as they are now; exit 6 if some stay."""
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    console = make_console(stderr=json)
    with opened_plan(settings, source, mapping, code_page, salvage=salvage) as opened:
        target = open_target(settings, console)
        with connect(target, application_name="naru replay", autocommit=True) as connection:
            replayed, staying = replay_rejects(connection, opened.plan)
            lost = lost_places(connection, opened.plan)
    if json:
        answer(as_json({"replayed": replayed, "staying": staying}))
    console.print(f"{replayed:,} rows replayed, {staying:,} stay in the quarantine", markup=False, highlight=False)
    if lost:
        text = f"{lost:,} places of a damaged source cannot be replayed: no values could be read there"
        console.print(f"{text}\nhint: look for them in a repaired copy or a backup", markup=False, highlight=False)
    if staying:
        raise typer.Exit(6)
