"""What goes wrong, and how often: scripted, so that a test needs no luck and no clock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from threading import Lock

from tests.tds.packets import Dropped, Silenced
from tests.tds.tokens import Rows, ServerError


class Ending(Enum):
    """How a result ends that has an end of its own no more."""

    DROP = "the connection drops within a packet, whose rows the client never sees"
    DROP_BETWEEN_PACKETS = "the connection drops behind a packet that ends with a row"
    """mssql-python takes that for the end of the result, and says nothing."""
    SILENT = "it says that it has no more rows"
    NEVER = "the connection stays, and nothing more is said"


@dataclass(frozen=True, slots=True)
class Fault:
    """Befalls a statement that contains `statement`, behind so many of its rows, and so many times.

    With an error, its token is sent in the place of the other rows.
    """

    statement: str = ""
    after_rows: int = 0
    error: ServerError | None = None
    ending: Ending = Ending.DROP
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
        if self.ending is Ending.NEVER:
            raise Silenced
        if self.ending is not Ending.SILENT:
            raise Dropped(between_packets=self.ending is Ending.DROP_BETWEEN_PACKETS)


@dataclass
class Faults:
    """Of one server, used up by its sessions."""

    _connections: int = 0
    _logins: int = 0
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

    def left(self) -> int:
        """How often something is still to go wrong."""
        with self._lock:
            return sum(self._left)

    def refuse_connections(self, times: int) -> None:
        """Drop that many before anything is said."""
        self._connections = times

    def refuse_logins(self, times: int) -> None:
        """Give that many error 18456, whatever their password."""
        self._logins = times

    def refuses_connection(self) -> bool:
        with self._lock:
            self._connections -= 1
            return self._connections >= 0

    def refuses_login(self) -> bool:
        with self._lock:
            self._logins -= 1
            return self._logins >= 0
