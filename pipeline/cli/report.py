"""`report`: what a run came to, as a page for people and as JSON for machines."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import JsonOption, open_target
from pipeline.cli.writing import write_whole
from pipeline.engine.report import make_report
from pipeline.errors import UsageError
from pipeline.postgres.connect import connect
from pipeline.report.line import say
from pipeline.report.page import as_page
from pipeline.report.text import as_json
from pipeline.settings import load_settings


def report(
    run: Annotated[
        str | None, typer.Argument(metavar="RUN", help="A run as `status` names it; default: the last.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write one page that needs no other file and no network."),
    ] = None,
    lang: Annotated[Literal["en", "ko"], typer.Option(help="Language of the page.")] = "en",
    json: JsonOption = False,
) -> None:
    """Tell what a run came to: verdict, tables, pace, findings, rejects and losses."""
    if html is None and not json:
        raise UsageError("report is asked for nothing", hint="name a file with --html FILE, or say --json")
    console = make_console(stderr=json)
    target = open_target(load_settings(), console)
    with connect(target, application_name="naru report", autocommit=True) as connection:
        made = make_report(connection, target, run)
    if json:
        answer(as_json(made))
    if html is not None:
        write_whole(html, as_page(made, lang))
        text = f"run {made.run.run_id}: {made.standing.value}; the page is {html}"
        say(console, text)
