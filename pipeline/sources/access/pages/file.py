"""An Access file as numbered pages, mapped into memory and never written."""

from __future__ import annotations

import mmap
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Self

from pipeline.errors import DamagedSource, SourceError, UnsupportedSource
from pipeline.sources.access.encryption import plain_copy, unlock
from pipeline.sources.access.pages.format import DATA_PAGE, DEFINITION_PAGE, LARGEST_FILE, ROW_START
from pipeline.sources.access.pages.header import HEADER_SIZE, Header, parse_header
from pipeline.sources.access.pages.memory import Memory
from pipeline.sources.watch import Watch, check_regular

_REPAIR_HINT = "work on a copy: open it in Access and run Compact and Repair, or take it from a backup"
_CHANGED_HINT = "close Access, or work on a copy, and start with --restart"
_DAMAGE_HINT = f"{_REPAIR_HINT}; or carry what can be read: migrate --salvage, with --restart where a load has begun"


class AccessFile:
    """Pages of an open file. Methods that take a page or row number check it and raise DamagedSource."""

    def __init__(self, path: Path, *, password: str | None = None, salvage: bool = False) -> None:
        """Map the file, or its pages in the clear where they are encrypted; with `salvage` even a truncated one.

        Raises SourceError where it cannot be read, UnsupportedSource where it is not ours, and PasswordError.
        """
        self.path = path
        self.name = path.name
        self.salvage = salvage
        """Whether damage is to be told place by place, and not to end the reading."""
        self.followed = 0
        """Rows read one by one so far, which are mostly pieces of long values."""
        with ExitStack() as stack:
            try:
                check_regular(path, wanted="an Access file")
                self._stream = stack.enter_context(path.open("rb"))
                self._watch = Watch(path, self._stream, hint=_CHANGED_HINT)
                self.header = self._check()
                self.pages = self._watch.size // self.header.format.page_size
                plain = self._plain(stack, password)
                self._content = mmap.mmap(plain.fileno(), 0, access=mmap.ACCESS_READ)
            except OSError as error:
                raise SourceError(f"{path}: cannot be opened: {error.strerror or error}") from error
            self._closing = stack.pop_all()
        self.format = self.header.format
        self.memory = Memory(self._content)
        self.size = self.memory.size

    def _check(self) -> Header:
        size = self._watch.size
        if size == 0:
            raise UnsupportedSource(f"{self.name}: is empty")
        header = parse_header(self._stream.read(HEADER_SIZE), self.name)
        page = header.format.page_size
        if size > LARGEST_FILE:
            raise UnsupportedSource(f"{self.name}: has {size} bytes, and an Access file never exceeds {LARGEST_FILE}")
        if (size % page and not self.salvage) or size < 3 * page:
            raise self.damaged(f"is truncated: {size} bytes are no whole number of pages of {page}")
        return header

    def _plain(self, stack: ExitStack, password: str | None) -> IO[bytes]:
        """The file itself, or a copy of its pages in the clear that is gone when this is closed."""
        scheme, page_size = self.header.scheme, self.header.format.page_size
        if scheme is None:
            return self._stream
        decrypt = unlock(scheme, password, self.name)
        copy = plain_copy(self._stream, self.name, page_size=page_size, pages=self.pages, decrypt=decrypt)
        stack.enter_context(copy)
        self.check_unchanged()  # nothing that is read from now on can tell that the copy is of two states
        return copy

    def close(self) -> None:
        """Close the file. The mapping itself ends with the last array that looks into it."""
        self._closing.close()

    def forget(self) -> None:
        """Let go of the pages read so far; they stay in the system's cache and are mapped again when needed.

        Without it the process seems to hold as much memory as it has read of the file.
        """
        if hasattr(mmap, "MADV_DONTNEED"):  # not on Windows
            self._content.madvise(mmap.MADV_DONTNEED)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- is it still the same file

    def check_unchanged(self) -> None:
        """Raise SourceChanged when the file was written, shrunk or replaced since it was opened.

        A page that is cut off between this check and its read still ends the process with SIGBUS on
        POSIX. Access truncates only when it compacts, which replaces the file and leaves our mapping
        whole, so the window is left at that; Windows refuses to shrink a mapped file.
        """
        self._watch.check()

    def digest(self) -> str:
        """SHA-256 of the whole file, as hex; raises as `check_unchanged`."""
        return self._watch.digest()

    # ---- pages and rows

    def damaged(
        self, what: str, *, table: str | None = None, page: int | None = None, row: int | None = None
    ) -> DamagedSource:
        """The error that says where the file cannot be what it claims."""
        place = [f"table {table!r}"] * (table is not None)
        place += [f"page {page}"] * (page is not None) + [f"row {row}"] * (row is not None)
        hint = _REPAIR_HINT if self.salvage else _DAMAGE_HINT
        return DamagedSource(": ".join([self.name, *([", ".join(place)] if place else []), what]), hint=hint)

    def base(self, page: int, *, table: str | None = None) -> int:
        """Offset of a page's first byte."""
        if not 0 < page < self.pages:
            raise self.damaged(f"names page {page} of a file of {self.pages} pages", table=table)
        return page * self.format.page_size

    def page(self, number: int, *, table: str | None = None) -> bytes:
        return self.memory.read(self.base(number, table=table), self.format.page_size)

    def definition_page(self, number: int, *, table: str) -> bytes:
        content = self.page(number, table=table)
        if content[0] != DEFINITION_PAGE:
            raise self.damaged(f"is of type {content[0]}, not a table definition", table=table, page=number)
        return content

    def row(self, pointer: int, *, table: str, owner: int | None = None) -> bytes:
        """Content of the row at page << 8 | row, whatever its flags say; on a page of that owner if one is named."""
        self.followed += 1
        page, row = pointer >> 8, pointer & 0xFF
        content, rows = self.page(page, table=table), self.format.rows
        count = int.from_bytes(content[self.format.row_count : rows], "little")
        owned = owner is None or int.from_bytes(content[4:8], "little") == owner
        if content[0] != DATA_PAGE or not owned or row >= count or rows + 2 * count > len(content):
            raise self.damaged("is pointed to and is not there", table=table, page=page, row=row)
        place = rows + 2 * row
        start = int.from_bytes(content[place : place + 2], "little") & ROW_START
        end = len(content) if row == 0 else int.from_bytes(content[place - 2 : place], "little") & ROW_START
        if not rows + 2 * count <= start <= end <= len(content):
            raise self.damaged("lies outside its page", table=table, page=page, row=row)
        return content[start:end]
