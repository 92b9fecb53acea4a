"""Where a command prints: as wide as the terminal, and wide enough for a table where there is none."""

from __future__ import annotations

import os
import sys
from typing import IO

from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 140


def answer(text: str) -> None:
    """Print what a command was asked for; `| head` may have seen enough of it."""
    try:
        print(text, flush=True)  # noqa: T201
    except BrokenPipeError:
        end_of_pipe(sys.stdout)


def end_of_pipe(stream: IO[str]) -> None:
    """Nobody listens any more: what follows goes nowhere, and the exit code stays what the command comes to."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


class _Console(Console):
    def on_broken_pipe(self) -> None:
        end_of_pipe(self.file)


def make_console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    free = not stream.isatty() and "COLUMNS" not in os.environ
    return _Console(stderr=stderr, width=_WIDTH_WITHOUT_TERMINAL if free else None)
