"""What the user sees while a run goes on: bars on a terminal, plain lines elsewhere, JSON in the log.

Each class takes the four calls of the engine's Observer.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskID, TextColumn, TimeRemainingColumn
from rich.text import Text

from pipeline.log import get_logger
from pipeline.report.line import say
from pipeline.report.visible import visible

_log = get_logger()


class _Observer(Protocol):
    def table_begins(self, table: str, rows: int | None, already_read: int) -> None: ...
    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None: ...
    def table_ends(self, table: str) -> None: ...
    def settling(self) -> None: ...


@dataclass(slots=True)
class _Pace:
    """Rows and seconds since a table began in this run."""

    rows: int = 0
    batches: int = 0
    total: int | None = None
    already_read: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def rate(self) -> float:
        return self.rows / max(time.perf_counter() - self.started, 1e-9)


class LogLines:
    """A log line every `interval` rows of a table, and one at its end."""

    def __init__(self, interval: int) -> None:
        self._interval = interval
        self._pace = _Pace()

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        self._pace = _Pace(already_read=already_read)
        _log.info("table begins", table=table, rows=rows, already_read=already_read)

    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None:
        pace = self._pace
        crossed = (pace.rows + read) // self._interval > pace.rows // self._interval
        pace.rows += read
        pace.batches += 1
        if crossed:
            _log.info("rows committed", table=table, batch=pace.batches, rows=pace.rows, seconds=round(seconds, 4))
        if rejected:
            _log.info("rows refused", table=table, batch=pace.batches, rejected=rejected)

    def table_ends(self, table: str) -> None:
        pace = self._pace
        _log.info("table ends", table=table, batches=pace.batches, rows=pace.rows, rows_per_s=round(pace.rate))

    def settling(self) -> None:
        _log.info("building keys, indexes and relationships")


class PlainLines:
    """For a pipe, a file or cron: a line when a table ends, and every `interval` rows before."""

    def __init__(self, console: Console, interval: int) -> None:
        self._console = console
        self._interval = interval
        self._pace = _Pace()

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        self._pace = _Pace(total=rows, already_read=already_read)
        if already_read:
            self._print(f"{table}: {already_read:,} rows were read by an earlier run")

    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None:
        pace = self._pace
        crossed = (pace.rows + read) // self._interval > pace.rows // self._interval
        pace.rows += read
        if crossed:
            of = f" of {pace.total:,}" if pace.total else ""
            self._print(f"{table}: {pace.already_read + pace.rows:,}{of} rows, {pace.rate:,.0f} rows/s")

    def table_ends(self, table: str) -> None:
        if self._pace.rows or not self._pace.already_read:  # else it is said already
            self._print(f"{table}: done, {self._pace.rows:,} rows in this run")

    def settling(self) -> None:
        self._print("building keys, indexes and relationships")

    def _print(self, text: str) -> None:
        say(self._console, text)


class _Speed(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text("" if task.speed is None else f"{task.speed:,.0f} rows/s", style="dim", justify="right")


class Bars:
    """On a terminal: rows, rows/s and time left of the present table and of the whole run."""

    def __init__(self, console: Console, total_rows: int) -> None:
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),  # a table may be named `[/red]`
            BarColumn(),
            TextColumn("{task.completed:,.0f} rows"),
            _Speed(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._all = self._progress.add_task("in total", total=total_rows)
        self._table: TaskID | None = None

    def __enter__(self) -> Bars:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        self._table = self._progress.add_task(visible(table), total=rows, completed=already_read)
        self._progress.advance(self._all, already_read)

    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None:
        for task in (self._table, self._all):
            if task is not None:
                self._progress.advance(task, read)

    def table_ends(self, table: str) -> None:
        if self._table is not None:
            self._progress.remove_task(self._table)
            self._table = None

    def settling(self) -> None:
        self._table = self._progress.add_task("keys, indexes and relationships", total=None)


class Together:
    """Several observers as one."""

    def __init__(self, observers: Sequence[_Observer]) -> None:
        self._observers = observers

    def table_begins(self, table: str, rows: int | None, already_read: int) -> None:
        for observer in self._observers:
            observer.table_begins(table, rows, already_read)

    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None:
        for observer in self._observers:
            observer.batch_committed(table, read=read, rejected=rejected, seconds=seconds)

    def table_ends(self, table: str) -> None:
        for observer in self._observers:
            observer.table_ends(table)

    def settling(self) -> None:
        for observer in self._observers:
            observer.settling()
