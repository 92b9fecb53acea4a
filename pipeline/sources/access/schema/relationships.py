"""Relationships between tables, from MSysRelationships."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from pipeline.catalog import Action, ForeignKey, Table
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.objects import TableObject, records

_COLUMNS = {
    "szRelationship": "Text",
    "szObject": "Text",
    "szColumn": "Text",
    "szReferencedObject": "Text",
    "szReferencedColumn": "Text",
    "grbit": "Long",
    "icolumn": "Long",
    "ccolumn": "Long",
}
_ONE_TO_ONE, _NOT_ENFORCED, _CASCADE_UPDATE, _CASCADE_DELETE, _SET_NULL = 0x1, 0x2, 0x100, 0x1000, 0x2000


@dataclass(frozen=True, slots=True)
class Relationship:
    child: str
    key: ForeignKey


def read_relationships(
    file: AccessFile, table: TableObject, names: Names, unread: list[str] | None = None
) -> Iterator[Relationship]:
    """All relationships by name, columns in order; raises DamagedSource for one that names nothing.

    `unread` takes down what of a salvaged file cannot be read. A relationship that lost a column is another one,
    so none is made of the rest.
    """
    definition = read_definition(file, table.page, table.name, names)
    parts: dict[str, list[dict[str, Any]]] = {}
    for record in records(file, definition, _COLUMNS, names.codec, unread):
        if None in record.values():
            if unread is None:
                raise file.damaged("has a relationship with an empty field", table=table.name, page=table.page)
            unread.append("has a relationship with an empty field")
            continue
        parts.setdefault(record["szRelationship"], []).append(record)
    for name, columns in sorted(parts.items()):
        columns.sort(key=lambda record: record["icolumn"])
        if unread and len(columns) != columns[0]["ccolumn"]:
            unread.append(f"relationship {name!r} has {len(columns)} of {columns[0]['ccolumn']} columns")
            continue
        yield Relationship(columns[0]["szObject"], _key(name, columns))


def _key(name: str, columns: list[dict[str, Any]]) -> ForeignKey:
    flags = columns[0]["grbit"]
    delete = Action.CASCADE if flags & _CASCADE_DELETE else Action.SET_NULL if flags & _SET_NULL else Action.NO_ACTION
    return ForeignKey(
        name=name,
        columns=tuple(column["szColumn"] for column in columns),
        parent=columns[0]["szReferencedObject"],
        parent_columns=tuple(column["szReferencedColumn"] for column in columns),
        on_update=Action.CASCADE if flags & _CASCADE_UPDATE else Action.NO_ACTION,
        on_delete=delete,
        enforced=not flags & _NOT_ENFORCED,
        one_to_one=bool(flags & _ONE_TO_ONE),
    )


def resolve(key: ForeignKey, child: Table, tables: Mapping[str, Table]) -> ForeignKey | None:
    """The key with names as the tables write them, since Access ignores case; None where one is not there.

    `tables` is by lower-case name.
    """
    parent = tables.get(key.parent.lower())
    if parent is None:
        return None
    own, others = _written(key.columns, child), _written(key.parent_columns, parent)
    if own is None or others is None:
        return None
    return replace(key, columns=own, parent=parent.name, parent_columns=others)


def _written(names: tuple[str, ...], table: Table) -> tuple[str, ...] | None:
    by_name = {name.lower(): name for name in table.column_names}
    found = tuple(by_name[name.lower()] for name in names if name.lower() in by_name)
    return found if len(found) == len(names) else None
