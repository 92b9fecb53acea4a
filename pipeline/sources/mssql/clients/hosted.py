"""A client whose driver runs in a process of its own, so that it neither waits for this one nor holds it up.

mssql-python takes the interpreter's lock behind every 64 rows, and keeps it while it waits for a (max) column or a
login (measured with 1.16): beside threads that decode and encode, fetching takes longer, and nothing in the process
moves while a server is silent. A process can be killed whatever it waits for, and a driver that crashes takes nothing
with it.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from signal import strsignal
from typing import IO, Any, cast

import pipeline
from pipeline.errors import ConnectionLost, SourceError
from pipeline.sources.mssql.clients.base import Batches, Login, Parameter
from pipeline.sources.mssql.clients.host import GREETING, Answer
from pipeline.sources.mssql.refusal import AGAIN

if sys.platform != "win32":
    import fcntl

_PROGRAM = """
import sys
root, lifeline = sys.argv[1:]
if root not in sys.path:
    sys.path.insert(0, root)
sys.modules["numpy"] = None  # pyarrow would load it, which takes longer than all else; nothing asks for it there
from pipeline.sources.mssql.clients.host import main
main(int(lifeline))
"""
_ROOT = Path(pipeline.__file__).parents[1]
_PIPE_BYTES = 1 << 20
"""The most that Linux gives to everybody; with 64 KiB each side waits for the other 50 times a batch."""
_ENDING_S = 1.0
"""For a process that has closed its pipes, to tell how it ended."""
_STDERR = 2
_KILLED = -9
_SHORT = f"a system that is short of memory ends a process so; {AGAIN}"
_PYTHON = "what Python says of it stands above"


class HostedClient:
    """As `Client`, once it is logged in. `close` may come from any thread, and ends what another waits for."""

    def __init__(self) -> None:
        """Start the process, and wait for nothing; raises SourceError."""
        self._name = "sql server"
        self._closed = self._owed = False
        try:
            self._process, self._lifeline = _started()
        except OSError as error:
            raise SourceError(f"the process of the driver cannot be started: {error}", hint=AGAIN) from error
        self._requests, self._answers = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        _widen(self._answers)

    def log_in(self, login: Login) -> None:
        """Connect; raises as `logged_in` does, and SourceError where there is no such process after all."""
        self._name = login.name
        try:
            with self._exchange():
                self._await_greeting()
        except ConnectionLost as error:
            raise SourceError(f"{error.message}, before it began", hint=_PYTHON) from error
        self._ask("log_in", login)

    def execute(self, sql: str) -> None:
        self._ask("execute", sql)

    def rows(self, sql: str, parameters: tuple[Parameter, ...] = ()) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", self._ask("rows", sql, parameters))

    def stream(self, sql: str, parameters: tuple[Parameter, ...] = (), *, batch_rows: int) -> Batches:
        batch = self._ask("begin", sql, parameters, batch_rows)
        while batch is not None:
            with self._exchange():
                self._send("more")  # fetched while the one before is worked on
            try:
                yield batch
            except GeneratorExit:
                with suppress(SourceError):  # is about rows that nobody wants, or found again by what is asked next
                    self._next()
                    self._ask("leave")
                raise
            batch = self._next()

    def close(self) -> None:
        self._closed = True
        self._process.kill()
        self._process.wait()
        for pipe in (self._requests, self._answers, self._lifeline):
            with suppress(OSError):  # what was on its way to a process that is gone
                pipe.close()

    def _ask(self, name: str, *arguments: Any) -> Any:
        with self._exchange():
            self._send(name, *arguments)
            answer = self._receive()
        return _told(answer)

    def _next(self) -> Any:
        with self._exchange():
            answer = self._receive()
        return _told(answer)

    @contextmanager
    def _exchange(self) -> Iterator[None]:
        """Ask nothing behind what broke off: the rest of an answer would be taken for the next one."""
        try:
            yield
        except (OSError, EOFError, ValueError, pickle.PickleError) as broken:  # ValueError: the pipe was closed
            raise self._broken() from broken
        except BaseException:
            self.close()
            raise

    def _broken(self) -> ConnectionLost:
        if self._closed:
            return ConnectionLost(f"{self._name}: the connection was closed", hint=AGAIN)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_S)
        self.close()
        code = self._process.returncode
        how = strsignal(-code) if code < 0 else f"exit code {code}"
        text = f"{self._name}: the process of the driver came to an end: {how}"
        return ConnectionLost(text, hint=_SHORT if code == _KILLED else AGAIN)

    def _await_greeting(self) -> None:
        """Pass over what is printed when Python starts, as a sitecustomize.py may."""
        said = b""
        while said != GREETING:
            byte = self._answers.read(1)
            if not byte:
                raise EOFError
            said = (said + byte)[-len(GREETING) :]

    def _send(self, name: str, *arguments: Any) -> None:
        if self._owed:  # it would be taken for this one's; nothing goes into a pipe that is closed
            self.close()
        self._owed = True
        pickle.dump((name, arguments), self._requests)
        self._requests.flush()

    def _receive(self) -> Answer:
        answer: Answer = pickle.load(self._answers)  # noqa: S301 (from a process of our own program)
        self._owed = False
        return answer


def _told(answer: Answer) -> Any:
    error, value = answer
    if error is not None:
        raise error
    return value


class Hosting:
    """The clients of one session, one after the other; the process of the first begins at once, as it takes a while."""

    def __init__(self) -> None:
        self._standing: HostedClient | None = None
        with suppress(SourceError):  # found again where rows are asked for, which not every command does
            self._standing = HostedClient()
        self._latest = self._standing
        self._closed = False

    def log_in(self, login: Login) -> HostedClient:
        """A new connection; raises as `logged_in` does."""
        client = self._unused()
        try:
            client.log_in(login)
        except BaseException:
            client.close()
            raise
        return client

    def close(self) -> None:
        """End the latest, whatever a thread waits for, and connect no other."""
        self._closed = True
        if self._latest is not None:
            self._latest.close()

    def _unused(self) -> HostedClient:
        standing, self._standing = self._standing, None
        self._latest = client = standing or HostedClient()
        if self._closed:  # asked for only now, or `close` has met the one before
            client.close()
        return client


def _started() -> tuple[subprocess.Popen[bytes], IO[bytes]]:
    """The process, and the end of its lifeline that is held here."""
    watched, held = map(_beyond_the_standard_streams, os.pipe())
    lifeline = os.fdopen(held, "wb", buffering=0)
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, str(_ROOT), str(watched)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            **_apart(watched),
        )
    except BaseException:
        lifeline.close()
        raise
    finally:
        os.close(watched)
    return process, lifeline


def _beyond_the_standard_streams(descriptor: int) -> int:
    """One that Popen does not put another in the place of; a command may have been started with some closed."""
    if sys.platform == "win32" or descriptor > _STDERR:
        return descriptor
    try:
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _STDERR + 1)
    finally:
        os.close(descriptor)


def _apart(watched: int) -> dict[str, Any]:
    """In a group of its own: a terminal's Ctrl-C is then for the one that asks, which lets the other go."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    return {"process_group": 0, "pass_fds": (watched,)}


def _widen(pipe: IO[bytes]) -> None:
    if sys.platform == "linux":
        with suppress(OSError):  # a user with many pipes gets no more
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
