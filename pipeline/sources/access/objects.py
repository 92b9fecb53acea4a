"""What the file says about itself in its system tables: which tables, links and queries it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.sources.access.codepage import Names
from pipeline.sources.access.columns import type_of
from pipeline.sources.access.definition import TableDefinition, read_definition
from pipeline.sources.access.file import AccessFile
from pipeline.sources.access.link import LINK, ODBC_LINK, Link, parse_link
from pipeline.sources.access.reading import read_table

OBJECTS_PAGE = 2
"""Where every Access file defines MSysObjects."""
_OBJECTS = "MSysObjects"
_OBJECT_COLUMNS = {
    "Id": "Long",
    "Name": "Text",
    "Type": "Integer",
    "Flags": "Long",
    "Connect": "Memo",
    "Database": "Memo",
    "ForeignName": "Text",
    "LvProp": "OLE",
}
_BATCH_ROWS = 1000

_TABLE, _QUERY = 1, 5
_SYSTEM = 0x80000002
_HIDDEN_NAME = re.compile(r"MSys|~TMP|f_[0-9A-F]{32}_", re.IGNORECASE)
"""System tables, leftovers of a crash, and the tables behind attachments and multi-valued columns."""


@dataclass(frozen=True, slots=True)
class TableObject:
    name: str
    page: int
    """Where its definition starts."""
    properties: bytes | None


@dataclass(frozen=True, slots=True)
class QueryObject:
    name: str
    id: int
    """By which its rows in MSysQueries are known."""


@dataclass(frozen=True, slots=True)
class Objects:
    tables: Mapping[str, TableObject]
    """Tables of the user, by name."""
    system: Mapping[str, TableObject]
    links: Mapping[str, Link]
    """Linked tables, by the names that they have here."""
    queries: tuple[QueryObject, ...]
    """Saved by the user, by name; not those behind forms and reports."""


def read_objects(file: AccessFile, names: Names) -> Objects:
    """Read MSysObjects; raises DamagedSource where it does not describe tables."""
    definition = read_definition(file, OBJECTS_PAGE, _OBJECTS, names)
    found: dict[str, dict[str, TableObject]] = {"user": {}, "system": {}}
    links: dict[str, Link] = {}
    queries = []
    for record in records(file, definition, _OBJECT_COLUMNS, names.codec):
        name, kind, page = record["Name"], record["Type"], record["Id"]
        if name is None or kind is None or page is None:
            raise file.damaged("has an object without name, type or number", table=_OBJECTS, page=OBJECTS_PAGE)
        hidden = (record["Flags"] or 0) & _SYSTEM or _HIDDEN_NAME.match(name)
        if kind == _TABLE:
            place = found["system" if hidden else "user"]
            if name in place:
                raise file.damaged(f"names two tables {name!r}", table=_OBJECTS, page=OBJECTS_PAGE)
            place[name] = TableObject(name, page & 0xFFFFFF, record["LvProp"])
        elif kind in (ODBC_LINK, LINK):
            if name in links:
                raise file.damaged(f"names two links {name!r}", table=_OBJECTS, page=OBJECTS_PAGE)
            links[name] = parse_link(kind, record["Connect"], record["Database"], record["ForeignName"])
        elif kind == _QUERY and not name.startswith("~"):
            queries.append(QueryObject(name, page))
    return Objects(found["user"], found["system"], links, tuple(sorted(queries, key=lambda query: query.name)))


def records(
    file: AccessFile, table: TableDefinition, wanted: Mapping[str, str], codec: str
) -> Iterator[dict[str, Any]]:
    """Rows of a system table as mappings; raises DamagedSource unless it has the wanted columns, each of its type."""
    types = {column.name: type_of(column, wide=file.format.wide).name for column in table.columns}
    for name, type in wanted.items():
        if types.get(name) != type:
            raise file.damaged(f"column {name!r} is {types.get(name)}, not {type}", table=table.name, page=table.page)
    columns = tuple(table.column(name) for name in wanted)
    for batch in read_table(file, table, columns, codec=codec, batch_rows=_BATCH_ROWS):
        yield from batch.frame.iter_rows(named=True)
