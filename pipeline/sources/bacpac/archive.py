"""A .bacpac as the zip that it is: named parts, streamed, never extracted and never written."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Self

from pipeline.errors import DamagedSource, SourceError, UnsupportedSource
from pipeline.sources.watch import Watch, check_regular

_CHANGED_HINT = "work on a copy, and start with --restart"
_HINT = "export it again, or take it from a backup"
_MOST_PARTS = 1 << 20
_PIECE = 1 << 20
_ENCRYPTED = 1
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
# What zipfile and its decompressor raise for content that is not what it claims.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError)
_END, _LOCATOR, _LONG_END = 22, 20, 56
_LONGEST_END = _LONG_END + _LOCATOR + _END + 0xFFFF
"""Of a zip's directory, with a comment."""


class Archive:
    """Parts of an open file by name."""

    def __init__(self, path: Path) -> None:
        """Read the directory of the zip; raises SourceError, UnsupportedSource and DamagedSource."""
        self.path = path
        self.name = path.name
        with ExitStack() as stack:
            try:
                check_regular(path, wanted="a .bacpac file")
                self._stream = stack.enter_context(path.open("rb"))
                self._watch = Watch(path, self._stream, hint=_CHANGED_HINT)
                if not zipfile.is_zipfile(self._stream):
                    raise UnsupportedSource(f"{self.name}: is no .bacpac: those are zip archives", hint=_HINT)
                self._zip = stack.enter_context(zipfile.ZipFile(self._stream))
                self._parts = self._listed()
            except OSError as error:
                raise SourceError(f"{path}: cannot be opened: {error.strerror or error}") from error
            except _BROKEN as error:
                raise self.damaged(f"its directory cannot be read: {error}") from error
            self.unpacked = sum(part.file_size for part in self._parts.values())
            self._closing = stack.pop_all()

    def _listed(self) -> dict[str, zipfile.ZipInfo]:
        """Every part once: with two of one name, nobody could tell which of them is the table's."""
        listed = self._zip.infolist()
        if len(listed) > _MOST_PARTS:
            raise UnsupportedSource(f"{self.name}: has {len(listed)} parts, and at most {_MOST_PARTS} are read")
        if len(listed) != (told := _told(self._stream)):
            raise self.damaged(f"its directory names {len(listed)} parts, and its end says {told}")
        if not all(info.filename for info in listed):
            raise self.damaged("has a part without a name")
        files = [info for info in listed if not info.is_dir()]
        parts = {info.filename: info for info in files}
        if len(parts) < len(files):
            raise self.damaged("has two parts of one name")
        return parts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    # ---- is it still the same file

    def check_unchanged(self) -> None:
        """Raise SourceChanged when the file was written, shrunk or replaced since it was opened."""
        self._watch.check()

    def digest(self) -> str:
        """SHA-256 of the whole file, as hex; raises as `check_unchanged`."""
        return self._watch.digest()

    # ---- parts

    def damaged(self, what: str, *, part: str | None = None) -> DamagedSource:
        return DamagedSource(": ".join([self.name, *([part] if part else []), what]), hint=_HINT)

    def names(self) -> tuple[str, ...]:
        return tuple(self._parts)

    def has(self, part: str) -> bool:
        return part in self._parts

    def part_bytes(self, part: str) -> int:
        """How long a part says it is, which `pieces` holds it to."""
        return self._info(part).file_size

    def _info(self, part: str) -> zipfile.ZipInfo:
        if part not in self._parts:
            raise self.damaged(f"has no part {part}")
        info = self._parts[part]
        if info.flag_bits & _ENCRYPTED:
            raise UnsupportedSource(f"{self.name}: {part}: is encrypted, which no export of SQL Server is")
        if info.compress_type not in _METHODS:
            raise UnsupportedSource(f"{self.name}: {part}: is packed by method {info.compress_type}; only deflate is")
        return info

    def pieces(self, part: str, *, piece_bytes: int = _PIECE) -> Iterator[bytes]:
        """The content in order, in pieces; its length and its checksum are held to what the directory says."""
        info, read = self._info(part), 0
        with self._breaking(part), self._zip.open(info) as stream:
            while piece := stream.read(piece_bytes):
                read += len(piece)
                yield piece
        if read != info.file_size:
            raise self.damaged(f"holds {read} bytes where the directory says {info.file_size}", part=part)

    @contextmanager
    def _breaking(self, part: str) -> Iterator[None]:
        try:
            yield
        except _BROKEN as error:
            raise self.damaged(f"cannot be unpacked: {error or type(error).__name__}", part=part) from error
        except OSError as error:
            raise SourceError(f"{self.name}: {part}: cannot be read: {error.strerror or error}") from error


def _told(stream: IO[bytes]) -> int:
    """How many parts the end of a zip says that it has: APPNOTE.TXT of PKWARE, 4.3.14 to 4.3.16.

    zipfile reads the directory by its length: an entry with the wrong length of a comment hides those behind it.
    """
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _LONGEST_END))
    tail = stream.read()
    bare = tail[-_END:].startswith(b"PK\5\6") and tail.endswith(b"\0\0")
    end = len(tail) - _END if bare else tail.rfind(b"PK\5\6")
    long = end - _LOCATOR - _LONG_END
    if long >= 0 and tail[long:].startswith(b"PK\6\6") and tail[end - _LOCATOR :].startswith(b"PK\6\7"):
        return int.from_bytes(tail[long + 32 : long + 40], "little")
    return int.from_bytes(tail[end + 10 : end + 12], "little")
