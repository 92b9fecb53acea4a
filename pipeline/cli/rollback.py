"""`rollback`: takes back what one run did."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console

import pipeline
from pipeline.cli.console import agreed, answer, make_console
from pipeline.cli.opening import JsonOption, new_run_id, open_target
from pipeline.engine.rollback import Rollback
from pipeline.errors import UsageError
from pipeline.outcome import TakenBack
from pipeline.postgres.connect import Target, connect
from pipeline.record import Run
from pipeline.report.line import say
from pipeline.report.text import as_json
from pipeline.settings import load_settings


def rollback(
    run: Annotated[str, typer.Argument(metavar="RUN", help="The run, as `status` lists it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Take it back although others have written to its tables since.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would be taken back; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for scripts.")] = False,
    json: JsonOption = False,
) -> None:
    """Take back what a run did: tables that it made are dropped, rows that it merged are removed or restored."""
    console = make_console(stderr=json)
    target = open_target(load_settings(), console)
    run_id = new_run_id()
    with connect(target, application_name=f"naru {run_id}", autocommit=True) as connection:
        taking = Rollback(connection, run, force)
        steps = taking.look()
        _show(console, steps, "would " if dry_run else "to ")
        if not dry_run:
            if not yes:
                _confirm(run, target)
            of = taking.record()
            taking.execute(
                steps, Run(run_id, "rollback", of.source, of.fingerprint, of.mapping_digest, pipeline.__version__)
            )
    if json:
        answer(as_json({"run": run, "rollback": None if dry_run else run_id, "steps": steps}))
    if not dry_run:
        say(console, f"run {run} is taken back; the ledger keeps that as run {run_id}")


def _show(console: Console, steps: Sequence[TakenBack], how: str) -> None:
    for step in steps:
        say(console, f"{how}{step}")
    if not steps:
        say(console, "nothing of the run is in the target")


def _confirm(run: str, target: Target) -> None:
    where = f"run {run} in {target.describe()}"
    if not sys.stdin.isatty():
        raise UsageError(f"{where} is not taken back unasked", hint="look at it with --dry-run, then say --yes")
    if not agreed(f"Take back {where}"):
        raise UsageError("nothing was taken back", hint="look at it with --dry-run")
