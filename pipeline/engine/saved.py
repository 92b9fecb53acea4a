"""What the rows of a repair were: a file for each table, from which they can be brought back."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.catalog import Table
from pipeline.errors import SettingsError
from pipeline.load.rewrite import Rewrite


@contextmanager
def saved(directory: Path, tables: Sequence[Rewrite]) -> Iterator[None]:
    """Keep what the rows are, on disk before any is touched; where the block fails nothing was, and no file stays.

    A commit that fails is after the block: nobody knows what came of it, and the files stay.
    """
    made: list[Path] = []
    try:
        for one in tables:
            if one.rows:
                path = directory / file_name(one.target)
                with _new_file(path) as file:
                    made.append(path)
                    one.save(file)
        yield
    except BaseException:
        for path in made:
            path.unlink(missing_ok=True)
        raise


@contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """Readable by its owner alone, and on the disk when the block ends; raises SettingsError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags, 0o600), "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        _keep_name(path.parent)
        _keep_name(path.parent.parent)
    except OSError as error:
        text = f"{path}, which keeps what the rows were, cannot be written: {error.strerror}"
        raise SettingsError(text, hint="free space, or make its directory writable, or start elsewhere") from error


def _keep_name(directory: Path) -> None:
    """A file is on the disk when its directory is too; Windows sees to that itself and opens none."""
    if os.name == "posix":
        opened = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


def file_name(table: Table) -> str:
    """No two tables share it, on no file system, whatever they are called."""
    if re.fullmatch(r"\w+", table.name) and table.name == table.name.casefold():
        return f"repaired-{table.name}.csv"
    digest = hashlib.sha256(table.name.encode()).hexdigest()[:8]
    plain = re.sub(r"\W", "_", table.name)
    return f"repaired-{plain}-{digest}.csv"
