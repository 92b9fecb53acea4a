"""`backup`: writes backups of the target that are known to be whole, and looks after them."""

from __future__ import annotations

import shlex
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console

from pipeline.backup.files import make_folder, refusals
from pipeline.backup.folder import Backup, all_backups, open_backup
from pipeline.backup.lock import alone_in
from pipeline.backup.manifest import Format
from pipeline.backup.notice import told
from pipeline.backup.phase import Observer
from pipeline.backup.retention import Keep, delete, surplus
from pipeline.backup.run import Order, back_up
from pipeline.backup.scratch import Scratch, lack, own_server, scratch_database
from pipeline.backup.verify import Refused, verify_by_reading, verify_by_restoring
from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import JsonOption, new_run_id, open_target
from pipeline.errors import BackupError, Interrupted, UsageError
from pipeline.log import open_log
from pipeline.postgres.client.programs import Need, programs_for
from pipeline.postgres.connect import connect
from pipeline.report.line import say
from pipeline.report.phases import PhaseBars, PhaseLines
from pipeline.report.text import as_json
from pipeline.settings import Settings, load_settings

app = typer.Typer(help="Back up the target, and prove that the backups hold what it held.", no_args_is_help=True)

_NAME = "naru backup"
_STOPS = (signal.SIGINT, signal.SIGTERM, *(() if sys.platform == "win32" else (signal.SIGHUP,)))


class Proof(StrEnum):
    """How a new backup is verified."""

    READ = "read"
    RESTORE = "restore"


FormatOption = Annotated[Format, typer.Option(help="One file, or a directory that --jobs can write to.")]
JobsOption = Annotated[int, typer.Option(min=1, metavar="N", help="Tables dumped at once, into a directory.")]
VerifyOption = Annotated[Proof, typer.Option(help="Read it back whole, or restore it too and compare.")]
_OF_DIR = "Directory of the backups; default: BACKUP_DIR, or backups."
ToOption = Annotated[Path | None, typer.Option("--to", metavar="DIR", help=_OF_DIR)]
FromOption = Annotated[Path | None, typer.Option("--from", metavar="DIR", help=_OF_DIR)]
DaysOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Keep all of the last N days with any; default: BACKUP_KEEP_DAYS, or 7."),
]
WeeklyOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Keep the last one of each of N weeks; default: BACKUP_KEEP_WEEKLY, or 4."),
]
MonthlyOption = Annotated[
    int | None,
    typer.Option(metavar="N", min=0, help="Keep the last one of each of N months; default: BACKUP_KEEP_MONTHLY, or 6."),
]
VerboseOption = Annotated[bool, typer.Option("--verbose", "-v", help="Show the log too.")]


@app.command()
def run(
    format: FormatOption = Format.CUSTOM,
    jobs: JobsOption = 1,
    to: ToOption = None,
    verify: VerifyOption = Proof.READ,
    keep_days: DaysOption = None,
    keep_weekly: WeeklyOption = None,
    keep_monthly: MonthlyOption = None,
    verbose: VerboseOption = False,
    json: JsonOption = False,
) -> None:
    """Dump the target at one moment, verify the dump, and only then remove old ones."""
    check_jobs(format, jobs)
    settings = _settings(to, keep_days, keep_weekly, keep_monthly)
    with told(settings.backup_on_failure, "the backup"):
        _run(settings, format, jobs, verify, verbose=verbose, json=json)


@app.command()
def verify(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Any file of it; default: the newest.")] = None,
    restore: Annotated[bool, typer.Option("--restore", help="Restore it, and compare every table.")] = False,
    folder: FromOption = None,
    verbose: VerboseOption = False,
    json: JsonOption = False,
) -> None:
    """Hash every file of a backup and read its archive whole, or restore it too; exit 1 where it is not what it was."""
    settings, console = _settings(folder), make_console(stderr=json)
    open_log(Path("logs"), verbose=verbose, run_id=new_run_id())
    backup = open_backup(file) if file else _newest(settings.backup_dir)
    with stoppable(), alone_in(backup.folder):
        backup = _read(settings, backup, console)
        if restore and not (backup.verified and backup.verified.read and backup.verified.read.problems):
            backup = _restored(settings, backup, console)
    if json:
        answer(as_json({"backup": _row(backup)}))
    _tell(console, backup)
    if not backup.good:
        raise typer.Exit(1)


@app.command(name="list")
def list_(folder: FromOption = None, json: JsonOption = False) -> None:
    """Show the backups: how old and large, how they were verified, and what is wrong with them."""
    folder = _existing(_settings(folder).backup_dir)
    backups, broken = all_backups(folder)
    if json:
        answer(as_json({"backups": [_row(it) for it in backups], "broken": broken}))
        return
    console = make_console()
    for backup in backups:
        _tell(console, backup)
    for one in broken:
        say(console, f"broken: {one.problem}", "red")
    if not backups and not broken:
        say(console, f"no backups in {folder}")


@app.command()
def prune(
    folder: FromOption = None,
    keep_days: DaysOption = None,
    keep_weekly: WeeklyOption = None,
    keep_monthly: MonthlyOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would go, and remove nothing.")] = False,
) -> None:
    """Remove old backups, once the newest good one of each database has been read whole again."""
    settings, console = _settings(folder, keep_days, keep_weekly, keep_monthly), make_console()
    open_log(Path("logs"), verbose=False, run_id=new_run_id())
    with stoppable(), alone_in(_existing(settings.backup_dir)):
        backups, _ = all_backups(settings.backup_dir)
        newest = {it.database: it for it in backups if it.good}
        if not dry_run and not all(_read(settings, it, console).good for it in newest.values()):
            raise BackupError("a newest backup is not what it was; nothing is removed", hint="see: backup list")
        _prune(settings, console, [*newest], dry_run=dry_run)


def check_jobs(format: Format, jobs: int) -> None:
    """Raise UsageError where pg_dump has one file to write to, and several jobs are asked for."""
    if jobs > 1 and format is Format.CUSTOM:
        raise UsageError("--jobs is for a directory", hint="add --format directory")


def _settings(folder: Path | None, *keep: int | None) -> Settings:
    days, weekly, monthly = keep or (None, None, None)
    return load_settings(
        backup_dir=folder, backup_keep_days=days, backup_keep_weekly=weekly, backup_keep_monthly=monthly
    )


def _run(settings: Settings, format: Format, jobs: int, verify: Proof, *, verbose: bool, json: bool) -> None:
    console = make_console(stderr=json)
    removed: list[Backup] = []
    log = open_log(Path("logs"), verbose=verbose, run_id=new_run_id())
    make_folder(settings.backup_dir)
    with stoppable(), alone_in(settings.backup_dir):
        made = _back_up(settings, format, jobs, console)
        if verify is Proof.RESTORE:
            made = _restored(settings, made, console)
        _tell(console, made)
        say(console, f"log: {log}")
        if made.good:
            removed = _prune(settings, console, [made.database], dry_run=False)
    if json:
        answer(as_json({"backup": _row(made), "removed": [it.archive for it in removed], "log": log}))
    if not made.good:
        raise typer.Exit(1)


def _back_up(settings: Settings, format: Format, jobs: int, console: Console) -> Backup:
    target = open_target(settings, console)
    with connect(target, application_name=_NAME, autocommit=True) as connection:
        programs = programs_for(settings, Need.of(connection))
        order = Order(target, connection, programs, settings.backup_dir, format, jobs, watching(console))
        return back_up(order)


def _read(settings: Settings, backup: Backup, console: Console) -> Backup:
    programs = programs_for(settings, Need(backup.manifest.pg_dump_major, tls=False))
    return verify_by_reading(backup, programs, watching(console))


def _restored(settings: Settings, backup: Backup, console: Console) -> Backup:
    """Into a server of its own, or into the target's where that one does not take the backup, which is said."""
    home, manifest = settings.naru_home.absolute(), backup.manifest
    with own_server(home.with_name(f"{home.name}-scratch"), manifest) as server:
        why = lack(server, manifest)
        if why is None:
            with scratch_database(server, "an embedded server of its own", manifest, own_server=True) as scratch:
                try:
                    return _compared(settings, backup, scratch, console)
                except Refused as error:
                    why = error.message
        else:
            why = f"{why}, which the embedded server has not"
    target = open_target(settings, console)
    say(console, f"note: {why}: a scratch database of the target is used", "yellow")
    where = f"a scratch database of {target.describe()}"
    with scratch_database(target, where, manifest, own_server=False) as scratch:
        return _compared(settings, backup, scratch, console)


def _compared(settings: Settings, backup: Backup, scratch: Scratch, console: Console) -> Backup:
    need = replace(scratch.need, major=backup.manifest.pg_dump_major)
    return verify_by_restoring(backup, programs_for(settings, need), scratch, watching(console))


def _prune(settings: Settings, console: Console, databases: list[tuple[str, str]], *, dry_run: bool) -> list[Backup]:
    """Those that go, or would."""
    keep = Keep(settings.backup_keep_days, settings.backup_keep_weekly, settings.backup_keep_monthly)
    backups, _ = all_backups(settings.backup_dir)
    gone = surplus([it for it in backups if it.database in databases], keep)
    for backup in gone:
        if not dry_run:
            delete(backup)
        say(console, f"{'would be removed' if dry_run else 'removed'}: {backup.archive}")
    say(console, f"kept: {len(backups) - len(gone):,} of {len(backups):,} backups")
    return gone


def _existing(folder: Path) -> Path:
    """The directory itself; raises UsageError where there is none: a mistyped name is not one without backups."""
    with refusals(f"{folder} cannot be read"):
        if folder.is_dir():
            return folder
    make = f"python -m pipeline backup run --to {shlex.quote(str(folder))}"
    raise UsageError(f"there is no directory {folder}", hint=f"name it with --from or BACKUP_DIR, or make it: {make}")


def _newest(folder: Path) -> Backup:
    """Raises BackupError where a manifest cannot be read: it may be that of the newest."""
    backups, broken = all_backups(_existing(folder))
    if broken:
        raise BackupError(broken[0].problem, hint="name the backup to verify")
    if not backups:
        raise UsageError(f"no backups in {folder}", hint="make one: python -m pipeline backup run")
    return backups[-1]


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C, SIGTERM and a terminal that is closed end what is under way in order: nothing half written is left."""
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        if not stopping:  # a second one would break off the tidying
            stopping = True
            raise KeyboardInterrupt

    heard = [number for number in _STOPS if signal.getsignal(number) is not signal.SIG_IGN]  # of nohup, no SIGHUP
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted("stopped; nothing half written is left", hint="run the same command again") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def watching(console: Console) -> Observer:
    """Bars where somebody looks on; else lines."""
    return PhaseBars(console) if console.is_terminal else PhaseLines(console)


def _tell(console: Console, backup: Backup) -> None:
    manifest = backup.manifest
    rows = sum(table.rows for table in manifest.tables)
    size = f"{manifest.bytes:,} bytes, {len(manifest.tables):,} tables, {rows:,} rows"
    looks = f"read {_moment(backup.read_at)}"
    if backup.restored_at:
        looks += f", restored and equal {_moment(backup.restored_at)}"
    say(console, f"{backup.archive}: {_age(manifest.created_at)} old, {size}, {looks}")
    if manifest.roles_error:
        say(console, f"  without roles: {manifest.roles_error}", "yellow")
    if not manifest.tells_all:
        say(console, "  of an earlier release: its sequences and large objects cannot be compared", "yellow")
    for problem in backup.problems:
        say(console, f"  broken: {problem}", "red")


def _row(backup: Backup) -> dict[str, Any]:
    manifest = backup.manifest
    return {
        "name": manifest.name,
        "archive": backup.archive,
        "database": manifest.database,
        "created_at": manifest.created_at.isoformat(),
        "bytes": manifest.bytes,
        "tables": len(manifest.tables),
        "rows": sum(table.rows for table in manifest.tables),
        "sequences": len(manifest.sequences) if manifest.tells_all else None,
        "large_objects": manifest.large_objects.count if manifest.large_objects else None,
        "read_at": backup.read_at.isoformat(),
        "restored_at": backup.restored_at.isoformat() if backup.restored_at else None,
        "good": backup.good,
        "problems": backup.problems,
        "roles_error": manifest.roles_error,
    }


def _age(moment: datetime) -> str:
    """To the second; below zero where the clock went back."""
    return str(timedelta(seconds=round((datetime.now(UTC) - moment).total_seconds())))


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M}"
