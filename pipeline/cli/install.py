"""`backup install`: the backup of every night, by cron or by systemd."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.backup.crontab import line_of, read_crontab, with_line, write_crontab
from pipeline.backup.manifest import Format
from pipeline.backup.schedule import At, Job, make_job, no_job, remove_files, write_files
from pipeline.backup.systemd import Units, control
from pipeline.cli.backup import FormatOption, JobsOption, Proof, VerifyOption, check_jobs
from pipeline.cli.console import answer, make_console
from pipeline.errors import UsageError
from pipeline.report.line import say
from pipeline.settings import load_settings


def install(
    cron: Annotated[bool, typer.Option("--cron", help="A line of the user's crontab.")] = False,
    systemd: Annotated[bool, typer.Option("--systemd", help="A service and a timer of the user's systemd.")] = False,
    system: Annotated[bool, typer.Option("--system", help="With --systemd: of the whole machine, as root.")] = False,
    at: Annotated[str, typer.Option(metavar="HH:MM", help="When, each day.")] = "02:00",
    format: FormatOption = Format.CUSTOM,
    jobs: JobsOption = 1,
    verify: VerifyOption = Proof.READ,
    uninstall: Annotated[bool, typer.Option("--uninstall", help="Take away what an earlier one wrote.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be written, and write nothing.")] = False,
) -> None:
    """Run `backup run` in this directory each night; what .env says then counts, and a second time changes nothing.

    What it prints is appended to logs/backup.log. What only the environment says now, as DATABASE_URL, is kept, the
    password in a file of mode 0600.
    """
    if cron == systemd or (system and not systemd):
        raise UsageError("one of --cron and --systemd is needed", hint="--system goes with --systemd")
    check_jobs(format, jobs)
    when, console = At.read(at), make_console()
    kind = "cron" if cron else "systemd"
    here = Path.cwd()
    settings = None if uninstall else load_settings()
    arguments = ("--format", format.value, "--jobs", str(jobs), "--verify", verify.value)
    job = make_job(settings, kind, here, arguments) if settings else no_job(kind, here)
    if cron:
        _by_cron(job, when, console, uninstall=uninstall, dry_run=dry_run)
    else:
        _by_systemd(job, when, Units(system), console, uninstall=uninstall, dry_run=dry_run)
    if settings and settings.backup_on_failure is None:
        say(console, "note: nobody is told when a backup fails; set BACKUP_ON_FAILURE", "yellow")


def _by_cron(job: Job, at: At, console: Console, *, uninstall: bool, dry_run: bool) -> None:
    before, line = read_crontab(), line_of(job, at)
    after = with_line(before, job, None if uninstall else line)
    if dry_run:
        _show({} if uninstall else job.files(masked=True), "crontab", after.decode(errors="backslashreplace"))
        return
    if not uninstall:
        write_files(job)
    if after != before:
        write_crontab(after)
    if uninstall:
        remove_files(job)
    say(console, f"{'changed' if after != before else 'unchanged'}: the crontab")
    say(console, "uninstalled" if uninstall else f"installed: {line}")


def _by_systemd(job: Job, at: At, units: Units, console: Console, *, uninstall: bool, dry_run: bool) -> None:
    units.check_owner(job)
    commands = units.disabling if uninstall else units.enabling
    if dry_run:
        files = {} if uninstall else job.files(masked=True) | units.texts(job, at)
        _show(files, "commands", "".join(f"{shlex.join(it)}\n" for it in commands))
        return
    if uninstall:
        done = not units.timer.exists() or control(commands)
        units.remove()
        remove_files(job)
        done = control(units.reloading) and done
    else:
        write_files(job)
        units.write(job, at)
        done = control(commands)
    say(console, "uninstalled" if uninstall else f"installed: {units.timer}")
    if not done:
        say(console, f"there is no systemctl here; run: {' && '.join(map(shlex.join, commands))}", "yellow")
    if not uninstall and not units.system:
        say(console, "it runs while you are logged in; to run it always: loginctl enable-linger")


def _show(files: dict[Path, str], last: str, text: str) -> None:
    parts = [f"--- {path} (mode 0600)\n{content}" for path, content in files.items()]
    answer("\n".join([*parts, f"--- {last}\n{text}"]))
