"""`backup`: writes backups of the target that are known to be whole, and looks after them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console

from pipeline.backup.files import make_folder
from pipeline.backup.folder import Backup
from pipeline.backup.lock import alone_in
from pipeline.backup.manifest import Format
from pipeline.backup.run import Job, back_up
from pipeline.cli.console import make_console
from pipeline.cli.opening import new_run_id, open_target
from pipeline.errors import Interrupted, UsageError
from pipeline.log import open_log
from pipeline.postgres.client.programs import Need, programs_for
from pipeline.postgres.connect import connect
from pipeline.settings import Settings, load_settings

app = typer.Typer(help="Back up the target, and prove that the backups hold what it held.", no_args_is_help=True)

_NAME = "naru backup"

FolderOption = Annotated[Path | None, typer.Option("--to", metavar="DIR", help="Directory of the backups.")]


@app.command()
def run(
    format: Annotated[Format, typer.Option(help="One file, or a directory that --jobs can write to.")] = Format.CUSTOM,
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Tables dumped at once, into a directory.")] = 1,
    to: FolderOption = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log too.")] = False,
) -> None:
    """Dump the target at one moment with counts and hashes of every table, and read the dump back whole."""
    if jobs > 1 and format is Format.CUSTOM:
        raise UsageError("--jobs is for a directory", hint="add --format directory")
    settings = load_settings(backup_dir=to)
    console = make_console()
    log = open_log(Path("logs"), verbose=verbose, run_id=new_run_id())
    make_folder(settings.backup_dir)
    with _stoppable(), alone_in(settings.backup_dir):
        made = _back_up(settings, format, jobs, console)
    _say(console, f"done: {made.archive}: {made.manifest.bytes:,} bytes, {len(made.manifest.tables):,} tables")
    _say(console, f"log: {log}")


def _back_up(settings: Settings, format: Format, jobs: int, console: Console) -> Backup:
    target = open_target(settings, console)
    with connect(target, application_name=_NAME, autocommit=True) as connection:
        programs = programs_for(settings, Need.of(connection))
        job = Job(target, connection, programs, settings.backup_dir, format, jobs, lambda text: _say(console, text))
        return back_up(job)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM end what is under way in order, so that nothing half written is left."""

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("stopped; no backup was written", hint="run the same command again") from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _say(console: Console, line: str) -> None:
    console.print(line, markup=False, highlight=False, soft_wrap=True)
