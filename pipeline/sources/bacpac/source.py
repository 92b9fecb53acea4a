"""A .bacpac as a source: the outside of the reader."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import unquote

from pipeline.batch import Batch, Fingerprint, Position
from pipeline.catalog import Catalog, Column, Table
from pipeline.errors import DamagedSource, SourceError, UnsupportedSource
from pipeline.sources.bacpac.archive import Archive
from pipeline.sources.bacpac.elements import read_objects
from pipeline.sources.bacpac.layout import Field, Form, field_of
from pipeline.sources.bacpac.model import Model, table_name
from pipeline.sources.bacpac.origin import Origin, read_origin
from pipeline.sources.bacpac.reading import TableData, TableReader
from pipeline.sources.bacpac.schema import build_catalog

_MODEL = "model.xml"
_LONGEST_MODEL = 256 << 20
_DATA = re.compile(r"Data/([^/]+)/TableData-(\d{1,9})-(\d{1,9})\.BCP")


class BacpacSource:
    """Tables of a .bacpac: the model of a database, and its rows in BCP's native form.

    Computed columns are in the catalog and not in the rows. Their order is that of the data files.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._archive: Archive | None = None
        self._catalog: Catalog | None = None
        self._parts: dict[str, tuple[str, ...]] = {}

    def __enter__(self) -> Self:
        archive = Archive(self._path)
        try:
            self._catalog, self._parts = _read(archive)
        except BaseException:
            archive.__exit__()
            raise
        self._archive = archive
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        archive, self._archive, self._catalog = self._archive, None, None
        if archive:
            archive.__exit__()

    def _open(self) -> tuple[Archive, Catalog]:
        if self._archive is None or self._catalog is None:
            raise SourceError(f"{self._path.name}: is not open")
        return self._archive, self._catalog

    def catalog(self) -> Catalog:
        archive, catalog = self._open()
        archive.check_unchanged()
        return catalog

    def fingerprint(self) -> Fingerprint:
        archive, _ = self._open()
        return Fingerprint("bacpac", archive.digest(), archive.unpacked)

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        """As `Source.batches`. Locators count the rows of a table from 1."""
        if batch_rows < 1:
            raise SourceError(f"batches of {batch_rows} rows cannot be read")
        archive, _ = self._open()
        found = self._table(table)
        data = self._data(found)
        stored = {field.column: field for field in data.fields}
        chosen = tuple(stored) if columns is None else columns
        for name in chosen:
            if name not in stored:
                raise SourceError(f"{archive.name}: table {table!r} holds no values of a column {name!r}")
            if stored[name].form is Form.NOT_READ:
                what = f"table {table!r}, column {name!r}: {stored[name].type} is not read"
                raise UnsupportedSource(f"{archive.name}: {what}", hint="skip the column in the mapping")
        return TableReader(archive, data).batches(chosen, batch_rows=batch_rows, after=after)

    def count(self, table: str) -> int:
        archive, _ = self._open()
        rows = TableReader(archive, self._data(self._table(table))).count()
        archive.check_unchanged()
        return rows

    def _table(self, name: str) -> Table:
        archive, catalog = self._open()
        try:
            return catalog.table(name)
        except KeyError:
            raise SourceError(f"{archive.name}: has no table {name!r}", hint="`inspect` lists the tables") from None

    def _data(self, table: Table) -> TableData:
        fields = tuple(self._field(table, column) for column in table.columns if column.stored)
        return TableData(table.name, fields, self._parts.get(table.name, ()))

    def _field(self, table: Table, column: Column) -> Field:
        try:
            return field_of(column.name, column.type, nullable=column.nullable)
        except ValueError as error:
            what = f"{self._path.name}: table {table.name!r}, column {column.name!r}: {error}"
            raise UnsupportedSource(what, hint="leave the table out: skip it in the mapping") from error


def _read(archive: Archive) -> tuple[Catalog, dict[str, tuple[str, ...]]]:
    """The catalog, and the data files of each table that has some; raises SourceError."""
    origin = read_origin(archive)
    with _model_errors(archive):
        model = Model.of(read_objects(_model(archive, origin)))
        catalog = build_catalog(model, origin.facts)
        directories = {".".join(one.name): table_name(one.name) for one in model.objects["SqlTable"]}
        if len(directories) < len(catalog.tables):
            raise ValueError("has two tables whose data would have one name")
    return catalog, _data_files(archive, directories)


@contextmanager
def _model_errors(archive: Archive) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise archive.damaged(str(error), part=_MODEL) from error


def _model(archive: Archive, origin: Origin) -> Iterator[bytes]:
    """The model's text, held to the checksum that the export wrote down of it."""
    if archive.part_bytes(_MODEL) > _LONGEST_MODEL:
        raise UnsupportedSource(f"{archive.name}: {_MODEL}: is longer than {_LONGEST_MODEL:,} bytes")
    digest = hashlib.sha256()
    for piece in archive.pieces(_MODEL):
        digest.update(piece)
        yield piece
    if origin.model_digest not in (None, digest.hexdigest()):
        raise archive.damaged("is not what the export wrote: its checksum in Origin.xml is another", part=_MODEL)


def _data_files(archive: Archive, directories: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """By table, in the order of their numbers; raises DamagedSource for data that belongs to no table."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for part in archive.names():
        if not part.startswith("Data/"):
            continue
        match = _DATA.fullmatch(part)
        table = directories.get(unquote(match[1], errors="surrogateescape")) if match else None
        if match is None or table is None:
            raise DamagedSource(f"{archive.name}: {part}: is data of no table of the model")
        found.setdefault(table, []).append((int(match[2]), int(match[3]), part))
    return {table: tuple(part for _, _, part in sorted(parts)) for table, parts in found.items()}
