"""`migrate`: the main job."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from pipeline.catalog import Table
from pipeline.cli.console import agreed, answer, make_console
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
from pipeline.cli.proof import write_proof
from pipeline.engine.dryrun import forecast
from pipeline.engine.plan import Plan
from pipeline.engine.preflight.backups import without_backup
from pipeline.engine.preflight.checks import before_run
from pipeline.engine.preflight.target import Coming
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import keep_findings, occupied, summarize, verified_plan
from pipeline.errors import UsageError
from pipeline.load.statistics import gather_statistics
from pipeline.log import open_log
from pipeline.outcome import Level, RunOutcome
from pipeline.postgres.connect import Target, connect
from pipeline.prefetch import prefetched
from pipeline.record import Run
from pipeline.report.line import say
from pipeline.report.progress import Bars, LogLines, PlainLines, Together
from pipeline.report.text import as_json, print_doubts, print_forecast, print_notices, print_outcome
from pipeline.retry import RECONNECT
from pipeline.settings import Settings

_FOUND_SOMETHING = 1


def migrate(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing; read everything and tell.")] = False,
    batch_size: Annotated[
        int | None, typer.Option(metavar="N", min=1, max=1_000_000, help="Rows of a batch; default 20000.")
    ] = None,
    tables: TablesOption = "",
    on_error: Annotated[
        Literal["quarantine", "stop"], typer.Option(help="What a refused row does: wait in the quarantine, or stop.")
    ] = "quarantine",
    max_rejects: Annotated[
        int | None, typer.Option(metavar="N", min=0, help="Stop when more than N rows are refused.")
    ] = None,
    restart: Annotated[bool, typer.Option("--restart", help="Forget earlier loads and begin again.")] = False,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    level: LevelOption = Level.CONTENT,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask; for cron.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log on the terminal.")] = False,
    json: JsonOption = False,
) -> None:
    """Carry a database into PostgreSQL, verify it, and print the report."""
    settings = load_source_settings(
        source, password_stdin=password_stdin, follow_links=follow_links, migration_batch_size=batch_size
    )
    console = make_console(stderr=json)
    run_id = new_run_id()
    log = open_log(Path("logs"), verbose=verbose, run_id=run_id)
    with opened_plan(settings, source, mapping, code_page, tables, salvage=salvage) as opened:
        print_notices(console, opened.plan.notices)
        target = open_target(settings, console)
        if dry_run:
            _dry_run(opened, target, settings, console, restart=restart, json=json)
            return
        asks = (settings.target_configured or restart) and not yes
        coming = Coming(opened.plan, opened.source.fingerprint())
        look = partial(_look_before, coming, target, settings.backup_dir, console, asks=asks, restart=restart)
        # Who is there to be asked is told at once that the server is away; a run that nobody watches waits for it.
        _confirm_backup(target, look() if asks else RECONNECT(look))
        options = Options(settings.migration_batch_size, 0 if on_error == "stop" else max_rejects, restart)
        run = run_of(opened, run_id, "migrate", coming.fingerprint)
        outcome = _migrate(opened, target, settings, options, run, console, level)
        if json:
            answer(as_json(outcome))
        print_outcome(console, outcome)  # before the source closes, which may fail on what it made on its server
        console.print(f"log: {log}", markup=False, highlight=False)
    if not outcome.clean:
        raise typer.Exit(_FOUND_SOMETHING)


def _migrate(
    opened: Opened, target: Target, settings: Settings, options: Options, run: Run, console: Console, level: Level
) -> RunOutcome:
    started = time.perf_counter()
    source, plan = opened.source, opened.plan
    with _stop_on_signal() as stop, _observed(console, plan, settings.migration_log_interval) as observer:
        unbuilt = Migration(source, plan, target, run, options, observer, stop.is_set).execute()
    name = f"naru {run.run_id}"
    with (
        connect(target, application_name=name, autocommit=True) as connection,
        prefetched(gather_statistics(target, _not_analyzed(plan), application_name=name)) as without_statistics,
    ):
        verified = verified_plan(connection, plan, source, level)
        proof = write_proof(run, target, verified, console)
        seconds = time.perf_counter() - started
        keep_findings(connection, plan, run, verified.findings, seconds=seconds, level=level, proof=proof)
        notices = unbuilt + tuple(without_statistics)  # waits, so what was found is kept before
        return summarize(connection, plan, run, target, verified, notices, seconds, proof)


def _not_analyzed(plan: Plan) -> list[Table]:
    """Tables of the run, unless it gathered their statistics before it tried its views."""
    return [] if plan.tries_views else plan.loaded


def _dry_run(
    opened: Opened, target: Target, settings: Settings, console: Console, *, restart: bool, json: bool
) -> None:
    options = Options(settings.migration_batch_size, restart=restart)
    Migration(
        opened.source, opened.plan, target, run_of(opened, "dry-run", "migrate"), options, Together([])
    ).rehearse()
    with connect(target, application_name="naru dry run", autocommit=True) as connection:
        forecasts = forecast(opened.source, opened.plan, connection, settings.migration_batch_size)
    if json:
        answer(as_json(forecasts))
    print_forecast(console, forecasts)


def _look_before(
    coming: Coming, target: Target, backups: Path, console: Console, *, asks: bool, restart: bool
) -> list[str]:
    """The preflight, and where asked tables with data of others that no good backup holds; raises what a run would."""
    with connect(target, application_name="naru preflight", autocommit=True) as connection:
        print_doubts(console, before_run(connection, backups, coming))
        tables = occupied(connection, coming.plan, restart=restart) if asks else []
        # A restart drops tables with what others wrote since the backup, and no rollback brings that back.
        spares = tables and not restart
        bare, told = without_backup(connection, backups, tables) if spares else (tables, "")
    if saved := [table for table in tables if table not in bare]:
        say(console, f"not asked for a backup of {_listed(saved)}: {told}")
    return bare


def _confirm_backup(target: Target, tables: Sequence[str]) -> None:
    """A target that holds data of others is not written to before its owner has said yes."""
    if not tables:
        return
    question = f"{target.describe()} holds rows in {_listed(tables)}. Is there a backup of it"
    if not sys.stdin.isatty():
        raise UsageError(f"{question}?", hint="make one, then say --yes")
    if not agreed(question):
        raise UsageError("nothing was written", hint="make a backup first, then run the same command again")


def _listed(tables: Sequence[str]) -> str:
    return f"{', '.join(tables[:5])}{' and others' if tables[5:] else ''}"


@contextmanager
def _stop_on_signal() -> Iterator[threading.Event]:
    """The first Ctrl-C (or SIGTERM) asks for a stop after the batch under way; the second stops at once."""
    event = threading.Event()

    def asked(_signal: int, _frame: object) -> None:
        if event.is_set():
            raise KeyboardInterrupt
        event.set()

    before = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield event
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _observed(console: Console, plan: Plan, interval: int) -> Iterator[Together]:
    log = LogLines(interval)
    if not console.is_terminal:
        yield Together([log, PlainLines(console, interval)])
        return
    with Bars(console, sum(task.source.rows or 0 for task in plan.tasks)) as bars:
        yield Together([log, bars])
