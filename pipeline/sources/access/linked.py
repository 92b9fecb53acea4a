"""An Access file together with the tables that it links to in other Access files at hand."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.batch import Batch, Fingerprint, Position
from pipeline.catalog import Catalog, Notice, Table
from pipeline.sources.access.follow import Followed, follow
from pipeline.sources.access.source import AccessSource

_DOT = "."
"""Stands between a table and a complex column in the name of a table of values; Access allows it in neither."""


class LinkedSource:
    """Tables of an Access file, and under the names of its links those of the files in `directory` they lead to.

    A link that leads nowhere is a notice of the catalog. What is wrong in a file that was opened is an error, as
    it is in the main one.
    """

    def __init__(
        self, path: Path, directory: Path, *, code_page: int | str | None = None, password: str | None = None
    ) -> None:
        self._main = AccessSource(path, code_page=code_page, password=password)
        self._directory = directory
        self._code_page = code_page
        self._password = password
        self._closing = ExitStack()
        self._ways: dict[str, Followed | str] = {}
        self._catalog: Catalog | None = None

    def __enter__(self) -> Self:
        """Raises UsageError where there is no such directory."""
        with ExitStack() as stack:
            main = stack.enter_context(self._main)
            self._ways = follow(main, self._directory, stack, code_page=self._code_page, password=self._password)
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._ways, self._catalog = {}, None
        self._closing.close()

    def catalog(self) -> Catalog:
        if self._catalog is None:
            linked: dict[str, Table | str] = {name: way for name, way in self._ways.items() if isinstance(way, str)}
            for name, followed in self._followed():
                linked |= {table.name: table for table in self._tables(name, followed)}
            catalog = self._main.catalog_with(linked)
            self._catalog = replace(catalog, notices=(*catalog.notices, *self._notices()))
        return self._catalog

    def _tables(self, name: str, followed: Followed) -> Iterator[Table]:
        """The table as its link calls it, and those of its complex columns, with keys to what else has a link."""
        links = self._links(followed.source) | {followed.table: name}  # of several links to it, its own
        for table in followed.source.catalog().tables:
            own, dot, column = table.name.partition(_DOT)
            if own == followed.table:
                keys = [replace(key, parent=links[key.parent]) for key in table.foreign_keys if key.parent in links]
                yield replace(table, name=f"{name}{dot}{column}", foreign_keys=tuple(keys))

    def _notices(self) -> Iterator[Notice]:
        """What the followed files say of these tables, and of themselves."""
        for name, followed in self._followed():
            found = followed.source.catalog()
            for notice in found.notices:
                own, dot, column = (notice.table or "").partition(_DOT)
                if own == followed.table:
                    yield replace(notice, table=f"{name}{dot}{column}")
            for key in found.table(followed.table).foreign_keys:
                if key.parent not in self._links(followed.source):
                    yield Notice(name, None, f"relationship to {key.parent!r} is not carried: no link leads there")
        for file, source in self._files().items():
            for notice in source.catalog().notices:
                if notice.table is None:
                    yield replace(notice, text=f"{file}: {notice.text}")

    def fingerprint(self) -> Fingerprint:
        """Of every file that is read, and of which is which."""
        main = self._main.fingerprint()
        others = [(name, source.fingerprint()) for name, source in sorted(self._files().items())]
        if not others:
            return main
        text = "\n".join([main.digest, *(f"{other.digest} {name}" for name, other in others)])
        size = main.bytes + sum(other.bytes for _, other in others)
        return Fingerprint(main.kind, hashlib.sha256(text.encode()).hexdigest(), size)

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        source, name = self._holder(table)
        return source.batches(name, after=after, batch_rows=batch_rows, columns=columns)

    def count(self, table: str) -> int:
        source, name = self._holder(table)
        return source.count(name)

    def _holder(self, table: str) -> tuple[AccessSource, str]:
        """The source that has the table, and what it is called there."""
        link, dot, column = table.partition(_DOT)
        way = self._ways.get(link)
        return (way.source, f"{way.table}{dot}{column}") if isinstance(way, Followed) else (self._main, table)

    def _followed(self) -> Iterator[tuple[str, Followed]]:
        return ((name, way) for name, way in self._ways.items() if isinstance(way, Followed))

    def _files(self) -> dict[str, AccessSource]:
        return {way.file: way.source for _, way in self._followed()}

    def _links(self, source: AccessSource) -> dict[str, str]:
        """The names that links give to a file's tables, by the file's own."""
        return {way.table: name for name, way in self._followed() if way.source is source}
