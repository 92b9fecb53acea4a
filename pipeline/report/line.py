"""A line on the console."""

from __future__ import annotations

from rich.console import Console


def say(console: Console, line: str, style: str | None = None) -> None:
    """As it is and however long: what stands in names and values is no markup, and a path is not broken in two."""
    console.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
