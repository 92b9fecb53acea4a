"""Where a command prints: as wide as the terminal, and wide enough for a table where there is none."""

from __future__ import annotations

import os
import re
import signal
import sys
from typing import IO, Any

import typer
from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 140
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All but tab and line feed."""


def answer(text: str) -> None:
    """Print what a command was asked for; `| head` may have seen enough of it."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        end_of_pipe(sys.stdout)


def end_of_pipe(stream: IO[str]) -> None:
    """Nobody listens any more: what follows goes nowhere, and the exit code stays what the command comes to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def hear_ctrl_c() -> None:
    """Put the handler of polars away: what waits, for a line of text or for another thread, would not hear of it."""
    signal.signal(signal.SIGINT, signal.getsignal(signal.SIGINT))


def agreed(question: str) -> bool:
    """Ask on the terminal; Ctrl-C ends it."""
    hear_ctrl_c()
    return typer.confirm(question, err=True)


class _Console(Console):
    def print(self, *objects: Any, **how: Any) -> None:
        """As of Console, with what would steer the terminal as escapes: a server's words may hold anything."""
        super().print(*(_visible(it) if isinstance(it, str) else it for it in objects), **how)

    def on_broken_pipe(self) -> None:
        end_of_pipe(self.file)


def _visible(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def make_console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    free = not stream.isatty() and "COLUMNS" not in os.environ
    return _Console(stderr=stderr, width=_WIDTH_WITHOUT_TERMINAL if free else None)
