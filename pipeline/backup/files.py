"""Files that survive a loss of power: written whole under another name, brought to the disk, and then renamed."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from pipeline.backup.manifest import File
from pipeline.backup.names import PARTIAL
from pipeline.errors import BackupError

Seen = Callable[[int], None]
"""Told of each further piece how many bytes it has."""

_PIECE_BYTES = 1 << 20


@contextmanager
def refusals(what: str) -> Iterator[None]:
    """Raise what the operating system refuses as BackupError."""
    try:
        yield
    except OSError as error:
        raise BackupError(
            f"{what}: {error.strerror or error}", hint="free space and make it writable, or see --to and BACKUP_DIR"
        ) from error


def make_folder(folder: Path) -> None:
    """For its owner alone, where there is none yet."""
    with refusals(f"{folder} cannot be made"):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def check_space(folder: Path, needed: int) -> None:
    """Raises BackupError where less is free."""
    with refusals(f"{folder} cannot be read"):
        free = shutil.disk_usage(folder).free
    if free < needed:
        raise BackupError(
            f"{folder} has {free:,} bytes free, and {needed:,} may be needed",
            hint="free space, or name a directory of another disk",
        )


def partial(path: Path) -> Path:
    return path.with_name(path.name + PARTIAL)


def write_whole(path: Path, text: str) -> None:
    """For its owner alone, in the place of what stands there."""
    with refusals(f"{path} cannot be written"):
        unfinished = partial(path)
        unfinished.unlink(missing_ok=True)
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        publish(unfinished, path)


def publish(unfinished: Path, path: Path) -> None:
    """Give what is written its name, once all of it is on the disk."""
    for inner in (unfinished, *unfinished.rglob("*")):
        _sync(inner)
    unfinished.replace(path)
    _sync(path.parent)


def remove(path: Path) -> None:
    """A file, or a directory with all that is in it; where there is none, that is well."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def size_so_far(path: Path) -> int:
    """Of what is being written there; what cannot be looked at now counts nothing."""
    size = 0
    for file in (path, *path.rglob("*")):
        with suppress(OSError):
            size += file.stat().st_size if file.is_file() else 0
    return size


def measured(path: Path, name: PurePosixPath, seen: Seen) -> list[File]:
    """Each file at or below the path, which is read whole, under the name that the path shall have."""
    inner = sorted(path.rglob("*")) if path.is_dir() else [path]
    with refusals(f"{path} cannot be read back"):
        return [
            File(path=(name / file.relative_to(path)).as_posix(), bytes=file.stat().st_size, sha256=sha256(file, seen))
            for file in inner
        ]


def sha256(path: Path, seen: Seen) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            seen(len(piece))
    return digest.hexdigest()


def _sync(path: Path) -> None:
    if sys.platform == "win32" and path.is_dir():
        return  # Windows writes directories through by itself, and opens none
    handle = os.open(path, os.O_RDWR if sys.platform == "win32" else os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
