"""`python -m pipeline` some hundred times: in forks of a process that has imported it, as the imports take a second.

As with the interpreter: a process of its own, with exactly the directory, arguments and environment that are given;
what it says on both streams, apart; what is typed; and all from the first line of the module to the end of Python, its
exit code included. A variable that may be read during an import (any but those of `_READ_LATER`) had this value then
too, as every set of values has its own server.

Otherwise than with the interpreter: the imports themselves, which are tried where a test starts one; the streams are
files and no pipes, so nobody waits for what a command leaves running; umask, limits and the seed of hashes are the
server's; and the threads that the imports start do not survive a fork. A test holds them to those that may be lost:
jemalloc and OpenBLAS know of forks, and the cleaner of polars only removes what a query spilled to the disk.
"""

from __future__ import annotations

import atexit
import os
import pickle
import runpy
import select
import signal
import socket
import subprocess
import sys
import warnings
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

_ROOT = Path(__file__).resolve().parents[1]
TIMEOUT_S = 240.0
_READ_LATER = (
    *("PG", "POSTGRESQL_", "DATABASE_", "ACCESS_", "MSSQL_", "DB_TYPE", "MIGRATION_", "BACKUP_", "NARU_"),
    *("PATH", "XDG_", "PYTEST_"),
)
"""How the names of the variables begin that nobody reads before a command runs."""


def run(
    module: str,
    *arguments: str | Path,
    directory: Path,
    environment: Mapping[str, str],
    typed: str | None = None,
    fresh: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m module` to its end, for TIMEOUT_S at most: raises subprocess.TimeoutExpired then.

    A `fresh` one is no fork: for what is about the start, or about what is left running at the end.
    """
    command = [module, *map(str, arguments)]
    if fresh or sys.platform != "linux":  # elsewhere nothing can fork, or libraries of the system do not bear it
        how: dict[str, Any] = {"stdin": subprocess.DEVNULL} if typed is None else {"input": typed}
        how |= {"cwd": directory, "env": environment, "timeout": TIMEOUT_S}
        command = [sys.executable, "-m", *command]
        return subprocess.run(command, **how, capture_output=True, encoding="utf-8", check=False)
    later = {name: value for name, value in environment.items() if name.startswith(_READ_LATER)}
    idle = _idle[frozenset(environment.items() - later.items())]
    server = idle.pop() if idle else _Server(dict(environment.items() - later.items()))
    # As bytes: in another locale they mean another text.
    told = [os.fsencode(word) for word in (str(directory), *command)]
    with _file(typed) as stdin, _file("") as out, _file("") as err, TemporaryFile() as request:
        pickle.dump((told, {os.fsencode(name): os.fsencode(value) for name, value in later.items()}), request)
        request.seek(0)
        try:
            code = server.run([stream.fileno() for stream in (request, stdin, out, err)])
        except TimeoutError as error:
            raise subprocess.TimeoutExpired(command, TIMEOUT_S) from error
        idle.append(server)
        return subprocess.CompletedProcess(command, code, _written(out), _written(err))


def _file(text: str | None) -> IO[str]:
    if text is None:
        return Path(os.devnull).open(encoding="utf-8")
    file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115, that of the caller
    file.write(text)
    file.seek(0)
    return file


def _written(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


class _Server:
    """Imports, then forks for one command after the other; two at a time need two of them."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._channel, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, "-m", "tests.commands", str(theirs.fileno())]
            nothing = subprocess.DEVNULL
            self._process = subprocess.Popen(
                command, cwd=_ROOT, env=environment, stdin=nothing, stdout=nothing, pass_fds=[theirs.fileno()]
            )
        atexit.register(self._end)

    def run(self, files: Sequence[int]) -> int:
        """The exit code, or the signal that ended the command as a negative number; raises TimeoutError."""
        socket.send_fds(self._channel, [b"."], files)
        self._channel.settimeout(None)
        pid = self._heard()
        self._channel.settimeout(TIMEOUT_S)
        try:
            return self._heard()
        except BaseException:  # that of pytest as well, when the time of a test is over
            os.kill(pid, signal.SIGKILL)
            self._channel.settimeout(None)
            self._heard()
            raise

    def _heard(self) -> int:
        said = self._channel.recv(4)
        assert said, "the server has ended"
        return int.from_bytes(said, "little", signed=True)

    def _end(self) -> None:
        self._channel.close()
        self._process.wait()


_idle: defaultdict[frozenset[tuple[str, str]], list[_Server]] = defaultdict(list)
"""By the variables that were there during the imports."""


def _serve(channel: socket.socket) -> str:
    """Fork whenever asked to; only the forks return, as what they shall be: the name of a module."""
    while (asked := socket.recv_fds(channel, 1, 4))[0]:
        with warnings.catch_warnings(action="ignore"):  # of threads, as Python 3.12 does
            pid = os.fork()
        if not pid:
            return _become(*asked[1])
        for file in asked[1]:
            os.close(file)
        channel.send(pid.to_bytes(4, "little", signed=True))
        channel.send(_code_of(pid, channel).to_bytes(4, "little", signed=True))
    sys.exit()


def _code_of(pid: int, channel: socket.socket) -> int:
    """What a fork comes to, which does not outlive the tests: they may be killed meanwhile."""
    with os.fdopen(os.pidfd_open(pid), "rb", buffering=0) as ended:
        if channel in select.select([channel, ended], [], [])[0]:  # nothing is asked now, so they have closed it
            os.kill(pid, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _become(request: int, *streams: int) -> str:
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    with os.fdopen(request, "rb") as file:
        (directory, module, *arguments), environment = pickle.load(file)
    os.environb.update(environment)
    os.chdir(directory)
    sys.path[0] = str(Path.cwd())
    sys.argv[1:] = map(os.fsdecode, arguments)
    return os.fsdecode(module)


if __name__ == "__main__":
    import pipeline.cli.app  # noqa: F401

    try:
        with socket.socket(fileno=int(sys.argv[1])) as there:
            wanted = _serve(there)
    except (KeyboardInterrupt, BrokenPipeError):  # which is for the tests as well, or they are gone
        sys.exit(130)
    runpy.run_module(wanted, run_name="__main__", alter_sys=True)
