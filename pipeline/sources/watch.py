"""Is a path that of a file, and is one that is open still the file that its path leads to?"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path
from typing import IO

from pipeline.errors import SourceChanged, SourceError
from pipeline.prefetch import pause

_PIECE = 4 << 20


def check_regular(path: Path, *, wanted: str) -> None:
    """Raise SourceError for what is there and no regular file; to open a pipe would wait for who writes to it.

    Raises OSError where nothing can be told of the path.
    """
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode):
        kind = "directory" if stat.S_ISDIR(mode) else "pipe or a device"
        raise SourceError(f"{path}: is a {kind}, not {wanted}")


class Watch:
    """Size, time and inode of a file when it was opened, to hold later looks to."""

    def __init__(self, path: Path, stream: IO[bytes], *, hint: str) -> None:
        """`hint` says what to do about a file that has changed. Raises OSError."""
        self._path, self._stream, self._hint = path, stream, hint
        self._identity = _identity(os.fstat(stream.fileno()))

    @property
    def size(self) -> int:
        return self._identity[0]

    def check(self) -> None:
        """Raise SourceChanged when the file was written, shrunk or replaced since then, SourceError when closed."""
        if self._stream.closed:
            raise SourceError(f"{self._path.name}: is not open")
        try:
            there = _identity(self._path.stat())
        except OSError as error:
            raise self._changed(f"is gone: {error.strerror or error}") from error
        if (_identity(os.fstat(self._stream.fileno())), there) != (self._identity, self._identity):
            raise self._changed("was written to since the run began")

    def digest(self) -> str:
        """SHA-256 of the whole file, as hex; raises as `check`, and SourceError for a file that cannot be read."""
        self.check()  # what has taken its place may be a pipe
        try:
            with self._path.open("rb") as stream:  # of its own: others rely on where theirs stands, or ask as well
                digest = hashlib.sha256()
                while piece := stream.read(_PIECE):
                    digest.update(piece)
                    pause()  # nobody may be waiting for it any more
        except OSError as error:
            self.check()
            raise SourceError(f"{self._path.name}: cannot be read: {error.strerror or error}") from error
        self.check()
        return digest.hexdigest()

    def _changed(self, what: str) -> SourceChanged:
        return SourceChanged(f"{self._path.name}: {what}", hint=self._hint)


def _identity(found: os.stat_result) -> tuple[int, int, int]:
    return found.st_size, found.st_mtime_ns, found.st_ino
