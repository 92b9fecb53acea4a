"""What is read from each .bacpac and what of it the draft carries: the second part of docs/reference-files.md."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable
from pathlib import Path

from pipeline.catalog import Table
from pipeline.dialects.draft import Draft, draft
from pipeline.dialects.mssql import sql_server
from pipeline.mapping.models import TableMapping
from pipeline.sources.bacpac import BacpacSource
from tests.contract.test_bacpac_reference import FILES

__all__ = ["FILES", "HEAD", "INTRODUCTION", "row"]

INTRODUCTION = """\
## .bacpac files

Exports of the databases that Microsoft publishes. `tests/contract/test_bacpac_reference.py` migrates them and holds
them to this: as many rows as the export counted (`Origin.xml`), each data file read to its last byte and, written again
from what was read, the same to the last byte, every cell in PostgreSQL equal to what was read, and no findings of
verification.

Of what a draft may carry or not, the two numbers are: carried, and listed by `inspect` with the reason. Indexes have a
third between them, of those that say the same as another. Computed columns are listed with their expression.
"""
HEAD = (
    "file", "from", "tables", "data files", "rows", "primary keys", "unique keys and indexes", "foreign keys", "checks",
    "defaults", "computed columns", "views",
)  # fmt: skip


def row(path: Path) -> tuple[object, ...]:
    with BacpacSource(path) as source:
        catalog = source.catalog()
        rows = sum(source.count(table.name) for table in catalog.tables)
    with zipfile.ZipFile(path) as archive:
        files = sum(name.endswith(".BCP") for name in archive.namelist())
    made = draft(catalog, dialect=sql_server(catalog.facts["collation"], offline=True))
    pairs = [(table, made.mapping.tables[table.name]) for table in catalog.tables]
    return (
        path.name,
        catalog.facts["server"],
        len(catalog.tables),
        files,
        f"{rows:,}" if rows == int(catalog.facts["rows"]) else f"**{rows:,} of {catalog.facts['rows']}**",
        sum(bool(table.primary_key) for table in catalog.tables),
        _indexes(made, pairs),
        _of(_count(t.foreign_keys for t, _ in pairs), _count(mapped.foreign_keys for _, mapped in pairs)),
        _of(_count(t.checks for t, _ in pairs), _count(mapped.checks for _, mapped in pairs)),
        _of(
            sum(column.default is not None for table, _ in pairs for column in table.columns),
            sum(column.default_sql is not None for _, mapped in pairs for column in mapped.columns.values()),
        ),
        _of(sum(not column.stored for table, _ in pairs for column in table.columns), 0),
        _of(len(catalog.queries), len(made.mapping.views)),
    )


def _indexes(made: Draft, pairs: Iterable[tuple[Table, TableMapping]]) -> str:
    found, carried = 0, 0
    for table, mapped in pairs:
        found += sum(not index.primary for index in table.indexes)
        carried += len(mapped.unique) + len(mapped.indexes)
    told = (notice.text for notice in made.notices if " is left out: " in notice.text)
    listed = sum(text.startswith(("index ", "unique index ")) for text in told)
    return f"{carried} / {found - carried - listed} / {listed}"


def _count(parts: Iterable[tuple[object, ...]]) -> int:
    return sum(map(len, parts))


def _of(found: int, carried: int) -> str:
    return f"{carried} / {found - carried}"
