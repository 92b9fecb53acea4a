"""Where a command prints: as wide as the terminal, and wide enough for a table where there is none."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 140


def end_of_pipe() -> NoReturn:
    """`| head` has seen enough: nobody is left to tell, and nothing is wrong."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(0)


class _Console(Console):
    def on_broken_pipe(self) -> NoReturn:
        end_of_pipe()


def make_console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    free = not stream.isatty() and "COLUMNS" not in os.environ
    return _Console(stderr=stderr, width=_WIDTH_WITHOUT_TERMINAL if free else None)
