"""Does the text of a Jet 3 file look like another code page than the file claims? Real files lie."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.catalog import Notice
from pipeline.errors import DamagedSource
from pipeline.sources.access.cells.columns import TEXT
from pipeline.sources.access.cells.fields import Fields
from pipeline.sources.access.pages.codepage import Names, looks_like
from pipeline.sources.access.pages.definition import TableDefinition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.rows import data_pages, live_rows
from pipeline.sources.codepage import UTF_16, codec_of


def code_page_notices(file: AccessFile, tables: list[TableDefinition], names: Names) -> Iterator[Notice]:
    """Notices from all names and one page of rows of each table, as bytes; none where text is Unicode."""
    for name in names.undecodable:
        text = f"name {name!r} holds bytes that are not {names.codec}: give the right code page with --code-page"
        yield Notice(None, None, text)
    if names.codec == UTF_16:
        return
    samples = [*names.beyond_ascii, *(text for table in tables for text in _texts(file, table))]
    other = looks_like(samples)
    number = other.split()[0] if other else None
    if number is not None and codec_of(number) != names.codec:
        text = f"text is read as {names.codec} and looks like code page {other}: if so, give --code-page {number}"
        yield Notice(None, None, text)


def _texts(file: AccessFile, table: TableDefinition) -> Iterator[bytes]:
    """Values beyond ASCII of the text columns on the table's first page; none of a damaged one, which reading tells."""
    try:
        rows = live_rows(file, table, data_pages(file, table)[:1])
        fields = Fields(file, table, rows)
        slices = [fields.slices(column, None) for column in table.columns if column.type == TEXT]
    except DamagedSource:
        return
    for column in slices:
        for row in np.flatnonzero(column.length > 0).tolist():
            value = file.memory.read(int(column.start[row]), int(column.length[row]))
            if not value.isascii():
                yield value
