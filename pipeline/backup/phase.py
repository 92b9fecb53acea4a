"""What a backup is doing, phase by phase: told to whoever watches, and to the log when each one ends."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal, Protocol

from pipeline.log import get_logger

Unit = Literal["bytes", "tables"]

_log = get_logger()


class Observer(Protocol):
    """Watches; nothing that is done depends on it."""

    @property
    def live(self) -> bool:
        """Whether it shows how far a phase has come, so that it is worth asking."""

    def begins(self, text: str, unit: Unit | None, total: int | None) -> None:
        """`total` may be an estimate; None where nobody knows."""

    def reached(self, done: int, name: str) -> None:
        """So much, and what is next."""

    def ends(self) -> None:
        """Whether it is done or has failed."""


@dataclass(slots=True)
class Phase:
    """How far one has come."""

    observer: Observer
    done: int = 0

    def reach(self, done: int, name: str = "") -> None:
        self.done = done
        self.observer.reached(done, name)

    def advance(self, count: int) -> None:
        self.reach(self.done + count)


@contextmanager
def phase(observer: Observer, text: str, unit: Unit | None = None, total: int | None = None) -> Iterator[Phase]:
    """One phase; of one that fails, the log has the failure."""
    started, now = time.perf_counter(), Phase(observer)
    observer.begins(text, unit, total)
    try:
        yield now
    finally:
        observer.ends()
    sizes = {unit: now.done} if unit else {}
    _log.info("phase ended", phase=text, seconds=round(time.perf_counter() - started, 3), **sizes)
