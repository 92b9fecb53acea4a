"""Where a command prints: as wide as the terminal, and wide enough for a table where there is none."""

from __future__ import annotations

import os
import sys

from rich.console import Console

_WIDTH_WITHOUT_TERMINAL = 140


def make_console(*, stderr: bool = False) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    free = not stream.isatty() and "COLUMNS" not in os.environ
    return Console(stderr=stderr, width=_WIDTH_WITHOUT_TERMINAL if free else None)
