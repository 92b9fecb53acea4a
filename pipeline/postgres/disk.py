"""Where the server keeps what it writes, if that is on this machine."""

from __future__ import annotations

from pathlib import Path

import psutil

from pipeline.postgres.connect import Connection
from pipeline.postgres.records import one
from pipeline.postgres.sql import query


def data_directories(connection: Connection) -> tuple[Path, ...]:
    """The data directory and, where new tables go elsewhere, that of their tablespace.

    Empty where the server runs on another machine, as its process tells, or does not tell this role. An address does
    not tell: through a tunnel or into a container, a server far away is on localhost too.
    """
    pid, data, tablespace = one(connection, query("data_directories"))
    if data is None or not _runs_here(pid):
        return ()
    return tuple(Path(directory) for directory in (data, tablespace) if directory)


def _runs_here(pid: int) -> bool:
    try:
        return str(psutil.Process(pid).name()).startswith("postgres")
    except psutil.Error:
        return False
