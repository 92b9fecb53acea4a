"""What is told to somebody when a backup fails: BACKUP_ON_FAILURE, a command or the URL of a webhook."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from typing import IO
from urllib.request import HTTPRedirectHandler, Request, build_opener

from pydantic import SecretStr

from pipeline.errors import NaruError
from pipeline.log import get_logger, masked

_TIMEOUT_S = 30
_LAST_WORDS_S = 1
_SHOWN_BYTES = 2000
_PIECE_BYTES = 1 << 16
_KEPT_BACK = {"DATABASE_URL", "POSTGRESQL_PASSWORD", "PGPASSWORD", "ACCESS_PASSWORD", "MSSQL_PASSWORD"}

_log = get_logger()


@contextmanager
def told(on_failure: SecretStr | None, what: str) -> Iterator[None]:
    """Send a notice of what ends the block, and raise that again; a notice that fails is logged, and hides nothing."""
    try:
        yield
    except BaseException as error:
        _log.error("failed", what=what, error=_words(error))
        if on_failure is not None:
            _send(on_failure.get_secret_value(), f"{what} failed on {socket.gethostname()}: {_words(error)}")
        raise


def _words(error: BaseException) -> str:
    if isinstance(error, NaruError):
        return masked(error.message)
    code = getattr(error, "exit_code", None)  # Typer's: what was found has been printed
    return f"exit code {code}; see logs/" if code else masked(f"{type(error).__name__} {error}".strip())


def _send(where: str, message: str) -> None:
    try:
        if where.startswith(("http://", "https://")):
            _post(where, message)
        else:
            _run(where, message)
    except (OSError, ValueError, subprocess.SubprocessError, HTTPException) as error:
        # Not the error's own text, which may repeat the setting: a webhook's address is its password.
        reason = getattr(error, "code", None) or getattr(error, "returncode", None) or getattr(error, "strerror", None)
        _log.warning("the notice of the failure could not be sent", problem=type(error).__name__, reason=reason)


class _Straight(HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """None makes it an error: what is posted would go on as a GET, without its text."""


def _post(url: str, message: str) -> None:
    """`text` is what Slack, Mattermost, Teams and their like show."""
    content = json.dumps({"text": message, "program": "naru"}, ensure_ascii=False).encode()
    request = Request(url, content, {"Content-Type": "application/json; charset=utf-8"})  # noqa: S310  (http, as asked)
    with build_opener(_Straight).open(request, timeout=_TIMEOUT_S):
        pass


def _run(command: str, message: str) -> None:
    """Without a shell; the message is on its standard input and in NARU_ERROR, and no password is anywhere."""
    environment = {name: value for name, value in os.environ.items() if name.upper() not in _KEPT_BACK}
    with tempfile.TemporaryFile() as typed:  # no pipe: it would wait for a command that does not read
        typed.write(f"{message}\n".encode())
        typed.seek(0)
        process = subprocess.Popen(
            command if sys.platform == "win32" else shlex.split(command),
            env=environment | {"NARU_ERROR": message},
            stdin=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # so that what it starts can be ended with it
        )
    said = _ended(process)
    _log.info("notice sent", code=process.returncode, said=masked(said.decode(errors="replace")))
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, "BACKUP_ON_FAILURE")


def _ended(process: subprocess.Popen[bytes]) -> bytes:
    """The end of what it said, however much that was; raises TimeoutExpired once it is killed."""
    end = bytearray()
    reader = threading.Thread(target=_keep_end, args=(process.stdout, end), daemon=True)
    reader.start()
    try:
        process.wait(_TIMEOUT_S)
    except BaseException:
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    reader.join(_LAST_WORDS_S)  # what it has left running may hold the pipe open
    return bytes(end)


def _keep_end(stream: IO[bytes], end: bytearray) -> None:
    with stream:
        while piece := os.read(stream.fileno(), _PIECE_BYTES):
            end += piece
            del end[:-_SHOWN_BYTES]
