"""The command line: one file per command, one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
import threading
from contextlib import suppress
from errno import EDQUOT, ENOSPC
from io import TextIOWrapper
from typing import NoReturn

import typer
from typer.exceptions import Abort, TyperException

from pipeline.cli import (
    backup,
    cutover,
    ddl,
    health,
    init,
    inspect,
    install,
    losses,
    map,
    migrate,
    preflight,
    rejects,
    report,
    restore,
    rollback,
    server,
    status,
    verify,
)
from pipeline.cli.console import hear_ctrl_c, make_console
from pipeline.errors import Interrupted, NaruError, SettingsError, UsageError
from pipeline.log import get_logger, masked
from pipeline.prefetch import at_work
from pipeline.report.line import say

app = typer.Typer(
    name="python -m pipeline",
    help="Carry a Microsoft Access or SQL Server database into PostgreSQL, and prove that everything arrived.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS = (
    inspect.inspect,
    init.init,
    map.map_,
    preflight.preflight,
    migrate.migrate,
    verify.verify,
    rollback.rollback,
    cutover.cutover,
    health.health,
    report.report,
    status.status,
    losses.losses,
    ddl.ddl,
)
for command in _COMMANDS:
    app.command(name=command.__name__.rstrip("_"))(command)
backup.app.command()(restore.restore)
backup.app.command()(install.install)
app.add_typer(backup.app, name="backup")
app.add_typer(rejects.app, name="rejects")
app.add_typer(server.app, name="server")

_BUG = 70
_FULL = (ENOSPC, EDQUOT)
_CTRL_C = 130
"""What Typer returns for a KeyboardInterrupt, which it does not let through."""


def main() -> NoReturn:
    """Run the command line; the exit codes are those of `pipeline.errors`."""
    _speak_utf8()
    hear_ctrl_c()
    try:
        code = app(standalone_mode=False)
        if code == _CTRL_C:
            raise KeyboardInterrupt
    except NaruError as error:
        if at_work():
            _stop(error)
        _fail(error)
    except TyperException as error:
        text = error.format_message()
        if not text:  # no arguments at all: the help has been printed
            sys.exit(UsageError.exit_code)
        _fail(UsageError(text[:1].lower() + text[1:], hint="--help after the command lists its options"))
    except (Abort, KeyboardInterrupt):
        _stop(Interrupted("stopped at once; the batch under way is rolled back", hint="run the same command again"))
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _FULL:
            where = error.filename or "what the command prints, or a file of its own,"
            _fail(SettingsError(f"{where} cannot be written: {error.strerror}", hint="free space, then run again"))
        get_logger().exception("a bug of ours")
        if os.environ.get("NARU_TRACEBACK"):
            raise
        _fail(
            NaruError(
                f"internal error: {type(error).__name__}: {error}",
                hint="this is a bug in Naru: set NARU_TRACEBACK=1, run again, and report what it prints",
            )
        )
    sys.exit(code if isinstance(code, int) else 0)


def _speak_utf8() -> None:
    """Korean into a file or a pipe whatever the locale says; a terminal shows what it cannot print as escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            if stream.isatty():
                stream.reconfigure(errors="backslashreplace")
            else:
                stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _stop(error: NaruError) -> NoReturn:
    """As `_fail`, and without a wait for a thread that hangs on a silent server.

    Measured with mssql-python 1.16: it closes what is open at the end of Python, and that waits for the server too.
    """
    try:
        _fail(error)
    finally:
        if threading.active_count() > 1:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(error.exit_code or _BUG)


def _fail(error: NaruError) -> NoReturn:
    # A password in the wrong place, as in a host or a path, is not repeated where others may keep what was said.
    console = make_console(stderr=True)
    with suppress(OSError):  # as where the disk is full that it goes to: the exit code still tells
        say(console, f"error: {masked(error.message)}", "red")
        if error.hint:
            say(console, f"hint: {masked(error.hint)}")
    sys.exit(error.exit_code or _BUG)
