"""What a run does, as JSON lines in a file; on the terminal too, if asked for.

Warnings are for the person at the terminal as well, whatever was asked for: they say why nothing moves. They go to
standard error, as standard output belongs to the command's answer. Nothing else is written before `open_log`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from pydantic import SecretStr
from structlog.typing import EventDict, FilteringBoundLogger, Processor, WrappedLogger

from pipeline.errors import SettingsError

_MASK = "***"
_SECRET_NAME = re.compile(r"passw|passphrase|pwd|secret|token|credential|database_url", re.IGNORECASE)
_SECRET_IN_TEXT = (
    # Up to the last @: who writes a URL by hand may leave @ and / in a password as they are.
    re.compile(r"(\b[a-z][a-z+]{0,20}:/{0,2}[^\s:/@]*):\S{1,256}(?=@)", re.IGNORECASE),
    re.compile(r"\b(password|pwd)\s*=\s*(?:'[^']*'|\"[^\"]*\"|\{(?:[^}]|\}\})*\}|[^\s;,&'\"]+)", re.IGNORECASE),
)


def _warn(_logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
    if method == "warning":
        facts = [
            f"{name}={value}" for name, value in redact(_logger, method, event).items() if name != "event" and value
        ]
        print(f"warning: {event['event']}: {', '.join(facts)}", file=sys.stderr)  # noqa: T201
    return event


def _drop(_logger: WrappedLogger, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


structlog.configure(processors=[_warn, _drop])


def get_logger() -> FilteringBoundLogger:
    """The logger of a module; follows a later `open_log`."""
    logger: FilteringBoundLogger = structlog.get_logger()
    return logger


def open_log(directory: Path, *, verbose: bool, run_id: str) -> Path:
    """Send every event from here on to a new file of `directory`, readable by its owner alone.

    `verbose` shows them on standard error as well. Runs that begin in the same second share a file;
    each line carries its run. Raises SettingsError when the file cannot be written.
    """
    path = directory / f"migration_{datetime.now().astimezone():%Y%m%d_%H%M%S}.log"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0), 0o600)
        if hasattr(os, "fchmod"):
            os.fchmod(handle, 0o600)  # a file that stood there keeps its mode
    except OSError as error:
        raise SettingsError(
            f"log file {path} cannot be written: {error.strerror}",
            hint="make its directory writable, or start elsewhere",
        ) from error
    structlog.configure(
        processors=[
            *([] if verbose else [_warn]),
            _belonging_to(run_id),
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,  # without local variables: they may hold a password
            redact,
            *([_show()] if verbose else []),
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(0),
        logger_factory=lambda *_: _LogFile(handle, path),
    )
    return path


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Mask values whose name says secret, and passwords inside of texts."""
    return {name: _redacted(name, value) for name, value in event.items()}


def masked(text: str) -> str:
    """The text without the passwords of the URLs and connection strings in it."""
    for pattern in _SECRET_IN_TEXT:
        text = pattern.sub(rf"\1:{_MASK}", text)
    return text


def _redacted(name: str, value: Any) -> Any:
    if isinstance(value, SecretStr) or (value is not None and _SECRET_NAME.search(name)):
        return _MASK
    if isinstance(value, Mapping):
        return {str(key): _redacted(str(key), item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(name, item) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return masked(str(value))


def _belonging_to(run_id: str) -> Processor:
    """Not a context variable: threads of a pool would begin without it."""

    def name_run(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        return {**event, "run_id": run_id}

    return name_run


def _show() -> Processor:
    render = structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty() and sys.platform != "win32", exception_formatter=structlog.dev.plain_traceback
    )

    def show(logger: WrappedLogger, method: str, event: EventDict) -> EventDict:
        print(render(logger, method, dict(event)), file=sys.stderr)  # noqa: T201
        return event

    return show


class _LogFile:
    """Appends a line in one write, so that the lines of threads and processes do not mix."""

    __slots__ = ("_handle", "_path")

    def __init__(self, handle: int, path: Path) -> None:
        self._handle = handle
        self._path = path

    def _write(self, line: str) -> None:
        try:
            os.write(self._handle, f"{line}\n".encode(errors="backslashreplace"))
        except OSError as error:  # a full disk under the log is no reason to abandon a load; but it is said
            with suppress(OSError):  # as where both are on that disk
                print(f"log line lost, {self._path}: {error.strerror}", file=sys.stderr)  # noqa: T201

    debug = info = warning = error = critical = exception = msg = log = _write
