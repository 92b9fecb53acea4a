"""Attachments, multiple values and version histories: columns whose values are rows of a hidden table.

A row of the parent holds a number in the column; the hidden ("flat") table holds one row per value, with that
number, an autonumber of its own and what its type says: FileName, FileData and so on for attachments, Value for
multiple values, the memo and the moment of its change for a history. MSysComplexColumns tells which flat
table and type belong to a column. Measured on the 15 files of ACE among the reference files.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.sources.access.cells.columns import ATTACHMENT, COMPLEX, LONG, MEMO, OLE
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import ColumnDefinition, IndexDefinition, TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.objects import Objects, records

_COLUMNS = {"ComplexID": "Long", "ConceptualTableID": "Long", "FlatTableID": "Long", "ComplexTypeObjectID": "Long"}
_PAGE = 0xFFFFFF
_GUID = re.compile(r"_[0-9A-F]{8}(?:-[0-9A-F]{4}){3}-[0-9A-F]{12}$", re.IGNORECASE)
"""Access ends names of its own in one; people write none."""
_ATTACHMENTS, _HISTORY = "MSysComplexType_Attachment", "MSysComplexTypeVH_"


@dataclass(frozen=True, slots=True)
class ComplexColumn:
    """Where the values of a complex column are."""

    column: str
    values: TableDefinition
    """The flat table under the name that the source lists it by."""
    key: str
    """Column of `values` that holds the number in the parent's row."""


def read_complex_columns(
    file: AccessFile, objects: Objects, names: Names, table: TableDefinition, unread: list[str] | None = None
) -> Iterator[ComplexColumn]:
    """Those of a table, without such as the file does not explain; raises DamagedSource.

    `unread` takes down what of a salvaged file's list of them cannot be read.
    """
    columns = {column.complex_id: column for column in table.columns if column.type == COMPLEX}
    system = objects.system.get("MSysComplexColumns")
    if not columns or system is None:
        return
    kinds = {described.page: name for name, described in objects.system.items()}
    definition = read_definition(file, system.page, system.name, names)
    for record in records(file, definition, _COLUMNS, names.codec, unread):
        column, page = columns.get(record["ComplexID"] or 0), (record["FlatTableID"] or 0) & _PAGE
        type_page = (record["ComplexTypeObjectID"] or 0) & _PAGE
        of_this_table = (record["ConceptualTableID"] or 0) & _PAGE == table.page
        if column is not None and of_this_table and page in kinds and type_page in kinds:
            flat = read_definition(file, page, kinds[page], names)
            type = read_definition(file, type_page, kinds[type_page], names)
            found = _complex_column(table, column, flat, type)
            if found:
                yield found


def _complex_column(
    table: TableDefinition, column: ColumnDefinition, flat: TableDefinition, type: TableDefinition
) -> ComplexColumn | None:
    """None where it is not plain which column of the flat table leads to the parent."""
    own = {one.name for one in type.columns}
    links = [one for one in flat.columns if one.name not in own and one.type == LONG and not one.autonumber]
    if len(links) != 1:
        return None
    if type.name == _ATTACHMENTS:
        flat = replace(flat, columns=tuple(_packed(one) for one in flat.columns))
    what = column.name
    if type.name.startswith(_HISTORY):  # the column's name is only a GUID
        what = next((f"{one.name}.history" for one in type.columns if one.type == MEMO), what)
    flat, plain = _without_guids(flat)
    return ComplexColumn(column.name, replace(flat, name=f"{table.name}.{what}"), plain[links[0].name])


def _packed(column: ColumnDefinition) -> ColumnDefinition:
    return replace(column, type=ATTACHMENT) if (column.name, column.type) == ("FileData", OLE) else column


def _without_guids(table: TableDefinition) -> tuple[TableDefinition, dict[str, str]]:
    """The table with the names that Access gave to columns made readable, and each of them by its old name."""
    plain = {column.name: _GUID.sub("", column.name) for column in table.columns}
    if len({*plain.values()}) < len(plain):
        return table, {name: name for name in plain}
    columns = tuple(replace(column, name=plain[column.name]) for column in table.columns)
    return replace(table, columns=columns, indexes=tuple(_renamed(index, plain) for index in table.indexes)), plain


def _renamed(index: IndexDefinition, plain: dict[str, str]) -> IndexDefinition:
    return replace(index, parts=tuple((plain[name], descending) for name, descending in index.parts))
