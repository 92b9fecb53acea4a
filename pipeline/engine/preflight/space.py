"""Checks of the disks: where the log is written, and where the server writes."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from pipeline.engine.preflight.check import Said
from pipeline.engine.preflight.target import Coming
from pipeline.errors import SettingsError, TargetError
from pipeline.ledger.ledger import Ledger
from pipeline.postgres.connect import Connection
from pipeline.postgres.disk import data_directories
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL

LOGS = Path("logs")
_LOG_BYTES = 100 << 20
"""A run of a million rows logs some 100 kB; the rest is for what else the disk is for."""
_TIMES = 2
"""Data and indexes, and the server's log of changes beside them."""


def logs(directory: Path = LOGS) -> Said:
    there = directory if os.path.lexists(directory) else Path()  # a file of that name takes no log either
    try:
        with tempfile.TemporaryFile(dir=there):
            free = shutil.disk_usage(there).free
    except OSError as error:
        raise SettingsError(
            f"no log can be written to {directory}: {error.strerror}",
            hint="make its directory writable, or start elsewhere",
        ) from None
    told = f"{_size(free)} free for {directory}"
    return Said(told, "free space there, or start elsewhere" if free < _LOG_BYTES else None)


def disk(connection: Connection, coming: Coming) -> Said:
    """The size of the source is all that is known of what will be needed; a source may hold much air."""
    needed = _TIMES * coming.fingerprint.bytes
    if not needed:
        return Said(
            "unknown: the source does not tell how large it is", f"see to {_TIMES} times its size on the server"
        )
    asked = f"the source has {_size(coming.fingerprint.bytes)}, and {_TIMES} times that should be free"
    try:
        free = min((shutil.disk_usage(place).free for place in data_directories(connection)), default=None)
    except OSError:
        free = None
    if free is None:
        return Said(f"unknown: the server's disk cannot be seen from here; {asked}", "look on the server: df -h")
    told = f"{_size(free)} free on the server's disk; {asked}"
    if free < coming.fingerprint.bytes and _brings_all(connection, coming):
        raise TargetError(told, hint="free space on the server's disk, compact the source, or name some --tables")
    return Said(told, "free space on the server's disk" if free < needed else None)


def _brings_all(connection: Connection, coming: Coming) -> bool:
    """Of a part, as some tables or columns or the rest of a run that was stopped, nobody knows how large it is."""
    return coming.plan.whole and not _begun(connection, coming)


def _begun(connection: Connection, coming: Coming) -> bool:
    if not Ledger(connection).installed():
        return False
    loads = SQL("select exists (select from _naru.load where target_schema = %s and target_table = any(%s))")
    (begun,) = one(connection, loads, [coming.plan.schema, coming.names])
    return bool(begun)


def _size(count: float) -> str:
    for unit in ("bytes", "kB", "MB", "GB"):
        if count < 1024 or unit == "GB":
            break
        count /= 1024
    return f"{count:,.0f} {unit}"
