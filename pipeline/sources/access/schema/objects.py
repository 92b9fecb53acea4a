"""What the file says about itself in its system tables: which tables, links and queries it has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.sources.access.cells.columns import type_of
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.reading import read_table
from pipeline.sources.access.schema.link import LINK, ODBC_LINK, Link, parse_link

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
    unread: tuple[str, ...] = ()
    """What damage took of the list itself, in a file that is salvaged."""


def read_objects(file: AccessFile, names: Names) -> Objects:
    """Read MSysObjects; raises DamagedSource where it does not describe tables."""
    definition = read_definition(file, OBJECTS_PAGE, _OBJECTS, names)
    found: dict[str, dict[str, TableObject]] = {"user": {}, "system": {}}
    links: dict[str, Link] = {}
    queries = []
    unread: list[str] | None = [] if file.salvage else None
    for record in records(file, definition, _OBJECT_COLUMNS, names.codec, unread):
        name, kind, page = record["Name"], record["Type"], record["Id"]
        if name is None or kind is None or page is None:
            _tell(file, "has an object without name, type or number", unread)
            continue
        hidden = (record["Flags"] or 0) & _SYSTEM or _HIDDEN_NAME.match(name)
        if kind == _TABLE:
            place = found["system" if hidden else "user"]
            if name in place:
                _tell(file, f"names two tables {name!r}", unread)
                continue
            place[name] = TableObject(name, page & 0xFFFFFF, record["LvProp"])
        elif kind in (ODBC_LINK, LINK):
            if name in links:
                _tell(file, f"names two links {name!r}", unread)
                continue
            links[name] = parse_link(kind, record["Connect"], record["Database"], record["ForeignName"])
        elif kind == _QUERY and not name.startswith("~"):
            queries.append(QueryObject(name, page))
    user = _without_shared(file, found["user"], found["system"], unread)
    by_name = tuple(sorted(queries, key=lambda query: query.name))
    return Objects(user, found["system"], links, by_name, tuple(unread or ()))


def _without_shared(
    file: AccessFile, user: dict[str, TableObject], system: Mapping[str, TableObject], unread: list[str] | None
) -> dict[str, TableObject]:
    """Tables of the user that have a definition of their own: the rows of another must not arrive under their name."""
    names: dict[int, list[str]] = {}
    for table in (*user.values(), *system.values()):
        names.setdefault(table.page, []).append(table.name)
    for page, sharing in names.items():
        if len(sharing) > 1:
            _tell(file, f"gives tables {sorted(sharing)} one definition, that on page {page}", unread)
    return {name: table for name, table in user.items() if len(names[table.page]) == 1}


def _tell(file: AccessFile, what: str, unread: list[str] | None) -> None:
    if unread is None:
        raise file.damaged(what, table=_OBJECTS, page=OBJECTS_PAGE)
    unread.append(what)


def records(
    file: AccessFile, table: TableDefinition, wanted: Mapping[str, str], codec: str, unread: list[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Rows of a system table as mappings; raises DamagedSource unless it has the wanted columns, each of its type.

    `unread` takes down what of a salvaged file cannot be read; without it, that is raised as well.
    """
    types = {column.name: type_of(column, wide=file.format.wide).name for column in table.columns}
    for name, type in wanted.items():
        if types.get(name) != type:
            raise file.damaged(f"column {name!r} is {types.get(name)}, not {type}", table=table.name, page=table.page)
    columns = tuple(table.column(name) for name in wanted)
    for batch in read_table(file, table, columns, codec=codec, batch_rows=_BATCH_ROWS):
        lost = [place.detail for place in batch.unread]
        lost += [f"column {defect.column!r}: {defect.reason}" for defect in batch.defects if defect.damaged]
        if batch.doubt is not None or (lost and unread is None):
            raise file.damaged(batch.doubt or lost[0], table=table.name)
        if unread is not None:
            unread += lost
        yield from batch.frame.iter_rows(named=True)
