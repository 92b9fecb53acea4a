"""What the user sees while a backup is made or restored: a line for each phase, and on a terminal how far it has come.

Each class takes the calls of the backups' Observer.
"""

from __future__ import annotations

from rich.console import Console
from rich.filesize import decimal
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text

from pipeline.report.line import say
from pipeline.report.visible import visible

_NAME_WIDTH = 40


class PhaseLines:
    """For a pipe, a file or cron: a line when a phase begins."""

    live = False

    def __init__(self, console: Console) -> None:
        self._console = console

    def begins(self, text: str, unit: str | None, total: int | None) -> None:
        say(self._console, text)

    def reached(self, done: int, name: str) -> None:
        """Nothing is said between."""

    def ends(self) -> None:
        """The next line says it."""


class PhaseBars(PhaseLines):
    """On a terminal: below the line of a phase a bar, which goes with it."""

    live = True

    def __init__(self, console: Console) -> None:
        super().__init__(console)
        # Without markup: a table may be named `[red]`.
        self._progress = Progress(
            BarColumn(),
            _Amount(),
            TimeElapsedColumn(),
            TextColumn("{task.description}", markup=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def begins(self, text: str, unit: str | None, total: int | None) -> None:
        super().begins(text, unit, total)
        self._task = self._progress.add_task("", total=total, unit=unit)
        self._progress.start()

    def reached(self, done: int, name: str) -> None:
        if self._task is not None:
            self._progress.update(self._task, completed=done, description=visible(name, _NAME_WIDTH))

    def ends(self) -> None:
        self._progress.stop()
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


class _Amount(ProgressColumn):
    """Of bytes only those that are done: how many there will be is an estimate."""

    def render(self, task: Task) -> Text:
        done = int(task.completed)
        match task.fields["unit"]:
            case "bytes":
                return Text(decimal(done))
            case "tables":
                return Text(f"{done:,} of {task.total or 0:,.0f} tables")
        return Text("")
