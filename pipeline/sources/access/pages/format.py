"""What differs between the file formats of Access: page geometry and where a page keeps its fields.

Jet 3 is Access 97; Jet 4 (Access 2000 to 2003) and ACE (since Access 2007) share one layout. Offsets
were measured on 255 real files of every version.
"""

from __future__ import annotations

from dataclasses import dataclass

DATA_PAGE = 1
DEFINITION_PAGE = 2
LAST_PAGE_TYPE = 5
LONG_VALUE_OWNER = int.from_bytes(b"LVAL", "little")
"""Stands where a data page names its table, on pages that hold long values."""

ROW_START = 0x1FFF
ROW_POINTER = 0x4000
ROW_DELETED = 0x8000
MOST_ROWS_PER_PAGE = 256
"""A row pointer has one byte for the row."""

LARGEST_FILE = 1 << 31
"""Access writes no larger file; so 31 bits address every byte."""


@dataclass(frozen=True, slots=True)
class Format:
    """Offsets within a page, in bytes, and sizes of records."""

    wide: bool
    """Jet 4 and ACE: two-byte counts and UTF-16 text. Jet 3: one-byte counts and code page text."""
    page_size: int
    row_count: int
    """Where a data page counts its rows; the row offsets follow."""
    rows: int
    count_size: int
    """Bytes of a row's column count, and of its count and offsets of variable columns."""
    header_masked: int
    """Bytes of page 0, from 0x18, that are masked."""

    # table definition
    definition_rows: int
    definition_autonumber: int
    definition_counts: int
    """Six fields follow: columns ever (u16), variable (u16), present (u16), index slots, indexes (u32), owned pages."""
    definition_body: int
    index_count_size: int
    column_size: int
    index_size: int
    slot_size: int
    index_lead: int
    """Bytes before an index or slot record's own fields."""


JET3 = Format(
    wide=False, page_size=2048, row_count=8, rows=10, count_size=1, header_masked=126,
    definition_rows=12, definition_autonumber=16, definition_counts=21, definition_body=43,
    index_count_size=8, column_size=18, index_size=39, slot_size=20, index_lead=0,
)  # fmt: skip
JET4 = Format(
    wide=True, page_size=4096, row_count=12, rows=14, count_size=2, header_masked=128,
    definition_rows=16, definition_autonumber=20, definition_counts=41, definition_body=63,
    index_count_size=12, column_size=25, index_size=52, slot_size=28, index_lead=4,
)  # fmt: skip

VERSIONS = {
    0: ("Jet 3 (Access 97)", JET3),
    1: ("Jet 4 (Access 2000-2003)", JET4),
    2: ("ACE 12 (Access 2007)", JET4),
    3: ("ACE 14 (Access 2010)", JET4),
    4: ("ACE 15 (Access 2013)", JET4),
    5: ("ACE 16 (Access 2016)", JET4),
    6: ("ACE 17 (Access 2019)", JET4),
}
