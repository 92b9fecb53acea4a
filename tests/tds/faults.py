"""What goes wrong, and how often: scripted, so that a test needs no luck and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from threading import Lock

from tests.tds.tokens import Rows, ServerError


class Dropped(Exception):
    """The connection ends here."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Befalls a statement that contains `statement`, behind so many of its rows, and so many times.

    With an error, its token is sent in the place of the other rows. Without one, the connection drops; or, where it
    is `silent`, the result ends as if it had no more rows.
    """

    statement: str = ""
    after_rows: int = 0
    error: ServerError | None = None
    silent: bool = False
    times: int = 1

    def befall(self, chunks: Iterable[Rows]) -> Iterator[Rows]:
        left = self.after_rows
        for chunk in chunks:
            if len(chunk) > left:
                yield chunk.part(0, left)
                break
            yield chunk
            left -= len(chunk)
        if self.error:
            raise self.error
        if not self.silent:
            raise Dropped


@dataclass
class Faults:
    """Of one server, used up by its sessions."""

    refused_connections: int = 0
    """Are dropped before anything is said."""
    refused_logins: int = 0
    """Get error 18456, whatever their password."""
    _scripted: list[Fault] = field(default_factory=list)
    _left: list[int] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._scripted.append(fault)
            self._left.append(fault.times)

    def take(self, statement: str) -> Fault | None:
        """The first fault that is left for this statement."""
        with self._lock:
            for at, fault in enumerate(self._scripted):
                if self._left[at] and fault.statement.lower() in statement.lower():
                    self._left[at] -= 1
                    return fault
        return None

    def refuse_connection(self) -> bool:
        with self._lock:
            self.refused_connections -= 1
            return self.refused_connections >= 0

    def refuse_login(self) -> bool:
        with self._lock:
            self.refused_logins -= 1
            return self.refused_logins >= 0
