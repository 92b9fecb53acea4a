"""A table definition: columns, indexes and where the data is, from a chain of definition pages."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.file import AccessFile

_MOST_COLUMNS = 255
_INDEX_PARTS = 10
_NO_COLUMN = 0xFFFF
_COMPLEX_NUMBER = 28
"""Where the files that have complex columns, ACE, keep it."""
_LARGEST_DEFINITION = 1 << 22
"""255 columns and 32 indexes with names of 64 characters take far less than a megabyte."""


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    name: str
    number: int
    """Bit in the null bitmap. Numbers of dropped columns are not used again."""
    type: int
    """Of a calculated column that of its result, once its properties are known."""
    length: int
    offset: int
    """Of a fixed column, from the first fixed byte."""
    variable: int
    """Index among a row's variable columns."""
    precision: int
    scale: int
    flags: int
    extra_flags: int
    code_page: int

    @property
    def fixed(self) -> bool:
        return bool(self.flags & 0x01)

    @property
    def autonumber(self) -> bool:
        return bool(self.flags & 0x04)

    @property
    def auto_guid(self) -> bool:
        return bool(self.flags & 0x40)

    @property
    def hyperlink(self) -> bool:
        return bool(self.flags & 0x80)

    @property
    def complex_id(self) -> int:
        """Number of a complex column in MSysComplexColumns, where a decimal has precision and scale.

        It has 32 bits; what the upper half could tell apart, the table that it is in tells as well.
        """
        return self.precision | self.scale << 8

    @property
    def calculated(self) -> bool:
        return self.extra_flags & 0xC0 == 0xC0


@dataclass(frozen=True, slots=True)
class IndexDefinition:
    name: str
    parts: tuple[tuple[str, bool], ...]
    """Column name, and whether it descends."""
    primary: bool
    unique: bool
    ignore_nulls: bool
    required: bool


@dataclass(frozen=True, slots=True)
class TableDefinition:
    name: str
    page: int
    rows: int
    """The header's own count, which real files get wrong."""
    last_autonumber: int
    last_complex_number: int
    """As the other, for the numbers of all complex columns together."""
    variable_columns: int
    owned_pages: int
    """Row pointer of the usage map."""
    columns: tuple[ColumnDefinition, ...]
    """By number, which is the order that Access numbered and other readers show."""
    indexes: tuple[IndexDefinition, ...]

    def column(self, name: str) -> ColumnDefinition:
        """The column of that exact name; raises KeyError."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)


def read_definition(file: AccessFile, page: int, name: str, names: Names) -> TableDefinition:
    """Parse the definition that starts at a page; raises DamagedSource when it does not add up."""
    content, form = _content(file, page, name), file.format
    try:
        (rows,) = struct.unpack_from("<I", content, form.definition_rows)
        (autonumber,) = struct.unpack_from("<i", content, form.definition_autonumber)
        (complex_number,) = struct.unpack_from("<i", content, _COMPLEX_NUMBER)
        _, variable, count, slots, indexes, owned = struct.unpack_from("<HHHIII", content, form.definition_counts)
        reader = _Reader(file, content, form.definition_body + indexes * form.index_count_size, names)
        columns = reader.columns(count)
        found = reader.indexes(indexes, slots, {column.number: column.name for column in columns})
    except (struct.error, LookupError) as error:
        raise file.damaged("definition does not hold all that it counts", table=name, page=page) from error
    if len({column.name for column in columns}) != count or len({column.number for column in columns}) != count:
        raise file.damaged("two columns have one name or number", table=name, page=page)
    if not 1 <= count <= _MOST_COLUMNS:
        raise file.damaged(f"has {count} columns, and Access allows 1 to {_MOST_COLUMNS}", table=name, page=page)
    columns.sort(key=lambda column: column.number)
    return TableDefinition(name, page, rows, autonumber, complex_number, variable, owned, tuple(columns), tuple(found))


def _content(file: AccessFile, page: int, table: str) -> bytes:
    """The definition's pages put together, without the later pages' headers."""
    content = file.definition_page(page, table=table)
    parts, seen, size = [content], {page}, 0
    while following := int.from_bytes(content[4:8], "little"):
        size += len(content)
        if following in seen or size > _LARGEST_DEFINITION:
            raise file.damaged("definition has no end", table=table, page=following)
        seen.add(following)
        content = file.definition_page(following, table=table)
        parts.append(content[8:])
    return b"".join(parts)


class _Reader:
    """Walks the body of one definition; runs off its end with struct.error or LookupError."""

    def __init__(self, file: AccessFile, content: bytes, at: int, names: Names) -> None:
        self._form = file.format
        self._content = content
        self._at = at
        self._names = names

    def columns(self, count: int) -> list[ColumnDefinition]:
        first = self._at
        self._at += count * self._form.column_size
        name = [self._name() for _ in range(count)]
        return [self._column(first + i * self._form.column_size, name[i]) for i in range(count)]

    def _column(self, at: int, name: str) -> ColumnDefinition:
        if self._form.wide:
            kind, number, variable, precision, scale, flags, extra, offset, length = struct.unpack_from(
                "<B4xHH2xBB2xBB4xHH", self._content, at
            )
            return ColumnDefinition(
                name, number, kind, length, offset, variable, precision, scale, flags, extra, code_page=0
            )
        kind, number, variable, code_page, flags, offset, length = struct.unpack_from("<BHH6xHBHH", self._content, at)
        return ColumnDefinition(name, number, kind, length, offset, variable, 0, 0, flags, 0, code_page)

    def indexes(self, count: int, slots: int, column: dict[int, str]) -> list[IndexDefinition]:
        """Indexes as the user named them: several slots may share one index, and foreign keys have slots too."""
        real = [self._index(column) for _ in range(min(count, len(self._content)))]
        used = [self._slot() for _ in range(min(slots, len(self._content)))]
        names = [self._name() for _ in used]
        return [
            IndexDefinition(name, real[number][0], kind == 1, *real[number][1:])
            for name, (number, kind) in zip(names, used, strict=True)
            if kind != 2 and not name.startswith(".")
        ]

    def _index(self, column: dict[int, str]) -> tuple[tuple[tuple[str, bool], ...], bool, bool, bool]:
        at = self._at + self._form.index_lead
        parts = [struct.unpack_from("<HB", self._content, at + 3 * i) for i in range(_INDEX_PARTS)]
        flags = self._content[at + (42 if self._form.wide else 38)]
        self._at += self._form.index_size
        named = tuple((column[number], not order & 1) for number, order in parts if number != _NO_COLUMN)
        return named, bool(flags & 1), bool(flags & 2), bool(flags & 8)

    def _slot(self) -> tuple[int, int]:
        at = self._at + self._form.index_lead
        self._at += self._form.slot_size
        return struct.unpack_from("<I", self._content, at + 4)[0], self._content[at + 19]

    def _name(self) -> str:
        width = self._form.count_size
        start = self._at + width
        self._at = start + int.from_bytes(self._content[self._at : start], "little")
        if self._at > len(self._content):
            raise IndexError(self._at)
        return self._names.decode(self._content[start : self._at])
