"""An Access database as a source: the outside of the reader."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.batch import Batch, Fingerprint, Position
from pipeline.catalog import Catalog, Table
from pipeline.errors import SourceError, UnsupportedSource
from pipeline.sources.access.cells.columns import check_decodable
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.reading import count_rows, read_table
from pipeline.sources.access.schema.catalog import build_catalog, read_described
from pipeline.sources.access.schema.complex import read_complex_columns
from pipeline.sources.access.schema.link import Link
from pipeline.sources.access.schema.objects import OBJECTS_PAGE, Objects, read_objects
from pipeline.sources.codepage import UTF_16, codec_of


class AccessSource:
    """Tables of an .accdb or .mdb file of Access 97 to 2019.

    `code_page` overrides the one that a Jet 3 file claims (949 or "cp949"); later files hold Unicode
    and ignore it. `password` opens encrypted files; an empty one is none. A password that only guards
    opening does not hide the pages, and is not asked for. With `salvage` a damaged file is read as far as it can be:
    batches and catalog tell what could not, and nothing of it is guessed.
    """

    def __init__(
        self, path: Path, *, code_page: int | str | None = None, password: str | None = None, salvage: bool = False
    ) -> None:
        self._path = path
        self._code_page = code_page
        self._password = password
        self._salvage = salvage
        self._closing = ExitStack()
        self._opened: tuple[AccessFile, Objects, str] | None = None
        self._catalog: Catalog | None = None

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            file = stack.enter_context(AccessFile(self._path, password=self._password, salvage=self._salvage))
            codec = self._codec(file)
            self._opened = file, read_objects(file, Names(codec)), codec
            self._closing = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._opened = self._catalog = None
        self._closing.close()

    def _codec(self, file: AccessFile) -> str:
        """Of all text: the override, else the header's code page, else that of the first columns Access made."""
        if file.format.wide:
            return UTF_16
        columns = read_definition(file, OBJECTS_PAGE, "MSysObjects", Names("ascii")).columns
        claimed = self._code_page or file.header.code_page or max(column.code_page for column in columns)
        try:
            return codec_of(claimed)
        except ValueError as error:
            raise UnsupportedSource(
                f"{file.name}: {error}", hint="name it: --code-page 949 for Korean, or 1252"
            ) from error

    def _open(self) -> tuple[AccessFile, Objects, str]:
        if self._opened is None:
            raise SourceError(f"{self._path.name}: is not open")
        return self._opened

    def catalog(self) -> Catalog:
        if self._catalog is None:
            self._catalog = self.catalog_with({})
        return self._catalog

    def catalog_with(self, linked: Mapping[str, Table | str]) -> Catalog:
        """The catalog with tables that stand for links of the file, or reasons why none does."""
        file, objects, codec = self._open()
        catalog = build_catalog(file, objects, Names(codec), linked)
        file.check_unchanged()
        return catalog

    def links(self) -> Mapping[str, Link]:
        """Tables that live elsewhere, by the names that they have here."""
        _, objects, _ = self._open()
        return objects.links

    def table_names(self) -> Collection[str]:
        _, objects, _ = self._open()
        return objects.tables

    def fingerprint(self) -> Fingerprint:
        file, _, codec = self._open()
        # The same bytes read in another code page are other text, and with other care other rows.
        read_as = [codec] * (codec != UTF_16) + ["salvaged"] * self._salvage
        return Fingerprint("access", " ".join([file.digest(), *read_as]), file.size)

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        """As `Source.batches`. Marks and locators are page * 256 + row slot."""
        if batch_rows < 1:
            raise SourceError(f"batches of {batch_rows} rows cannot be read")
        file, _, codec = self._open()
        definition = self._definition(table)
        chosen = definition.columns if columns is None else tuple(self._column(definition, name) for name in columns)
        for column in chosen:
            check_decodable(file, definition, column)
        return read_table(file, definition, chosen, codec=codec, batch_rows=batch_rows, after=after)

    def count(self, table: str) -> int:
        file, _, _ = self._open()
        rows = count_rows(file, self._definition(table))
        file.check_unchanged()
        return rows

    def _definition(self, table: str) -> TableDefinition:
        file, objects, codec = self._open()
        names = Names(codec)
        if table in objects.tables:
            return read_described(file, objects.tables[table], names)
        parent = table.partition(".")[0]  # Access takes no dot within a name
        if parent in objects.tables:
            known: list[str] | None = [] if self._salvage else None  # the catalog has told it
            for complex_column in read_complex_columns(file, objects, names, self._definition(parent), known):
                if complex_column.values.name == table:
                    return complex_column.values
        raise SourceError(f"{file.name}: has no table {table!r}", hint="`inspect` lists the tables")

    def _column(self, table: TableDefinition, name: str) -> ColumnDefinition:
        try:
            return table.column(name)
        except KeyError:
            raise SourceError(f"{self._path.name}: table {table.name!r} has no column {name!r}") from None
