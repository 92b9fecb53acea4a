"""Which pages of a damaged file are a table's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from pipeline.batch import Unread, Unreadable
from pipeline.errors import DamagedSource
from pipeline.sources.access.definition import TableDefinition
from pipeline.sources.access.file import AccessFile
from pipeline.sources.access.format import DATA_PAGE
from pipeline.sources.access.halving import halved
from pipeline.sources.access.memory import Ints
from pipeline.sources.access.rows import live_slots, own_pages, windows
from pipeline.sources.access.usage import claimed_pages

_SCAN_PAGES = 1 << 14


@dataclass(frozen=True, slots=True)
class Extent:
    """The pages that a table is read from, and how many places come of them."""

    pages: Ints
    only_own: bool
    """Whether a page of something else among them is a loss."""
    flaw: Unread | None
    """What is wrong with the table's map."""
    doubt: str | None
    """Why rows on them may be rows that were deleted long ago."""
    places: int
    """Rows and unread places together."""


def extent(file: AccessFile, table: TableDefinition) -> Extent:
    """Where a damaged table is to be looked for; reads every page's row slots once.

    Two witnesses say which pages are a table's: its usage map, and the owner that each page names. Neither is right
    alone: real files map pages of something else, and pages that only name their owner may hold rows deleted long
    ago (14 of 255 files have such). So the definition's count of rows decides. Where the map's rows are as many, the
    map is believed, pages of something else are no loss, and others are ghosts. Where the map is unreadable or lacks
    pages, and the owned pages have as many rows, these are believed. Else nobody knows: of a readable map the other
    pages are told and left, and without a map each row is doubted, and waits in the quarantine for a person.
    """
    try:
        pages = claimed_pages(file, table.owned_pages, table=table.name)
    except DamagedSource as error:
        return _unmapped(file, table, reason(file, table.name, error))
    rows, lost, foreign = _tally(file, table, pages)
    if rows == table.rows:
        return Extent(pages, only_own=False, flaw=None, doubt=None, places=rows + lost)
    mapped = Extent(pages, only_own=True, flaw=None, doubt=None, places=rows + lost + foreign)
    others, more = unmapped_rows(file, table, pages)
    if not more:
        return mapped
    if rows + more == table.rows:
        flaw = _flaw(
            f"its usage map lacks {len(others)} pages, whose {more:,} rows its definition counts; they are read"
        )
        return replace(mapped, pages=np.union1d(pages, others), flaw=flaw, places=mapped.places + 1 + more)
    flaw = _flaw(
        f"its usage map lacks {len(others)} pages that name it as their owner; their {more:,} rows may have been"
        " deleted long ago, and are left"
    )
    return replace(mapped, flaw=flaw, places=mapped.places + 1)


def unmapped_rows(file: AccessFile, table: TableDefinition, pages: Ints) -> tuple[Ints, int]:
    """Pages that name the table as their owner and are not among some, and how many rows they have."""
    others = np.setdiff1d(_owned_pages(file, table), pages)
    rows, _, _ = _tally(file, table, others)
    return others, rows


def _unmapped(file: AccessFile, table: TableDefinition, why: str) -> Extent:
    pages = _owned_pages(file, table)
    rows, lost, _ = _tally(file, table, pages)
    found = f"its pages, found by their owner instead, hold {rows:,} rows where its definition counts {table.rows:,}"
    flaw = _flaw(f"{why}; {found}")
    return Extent(pages, True, flaw, None if rows == table.rows else flaw.detail, 1 + rows + lost)


def _flaw(detail: str) -> Unread:
    return Unread(0, Unreadable.TABLE, detail, b"")  # page 0 stands before all pages that hold rows


def _owned_pages(file: AccessFile, table: TableDefinition) -> Ints:
    found = [np.zeros(0, np.int64)]
    for first in range(1, file.pages, _SCAN_PAGES):
        pages = np.arange(first, min(first + _SCAN_PAGES, file.pages), dtype=np.int64)
        at = pages * file.format.page_size
        found.append(pages[(file.memory.u8[at] == DATA_PAGE) & (file.memory.u32[at + 4] == table.page)])
        file.forget()
    return np.concatenate(found)


def _tally(file: AccessFile, table: TableDefinition, pages: Ints) -> tuple[int, int, int]:
    """Rows, unreadable pages, and pages of something else."""

    def read(part: slice) -> tuple[int, int, int]:
        foreign = len(window[part]) - len(own_pages(file, table, window[part]))
        return len(live_slots(file, table, window[part])), 0, foreign

    rows = lost = foreign = 0
    for window in windows(pages):
        file.check_unchanged()
        for counts in halved(read, len(window), lambda *_: (0, 1, 0)):
            rows, lost, foreign = rows + counts[0], lost + counts[1], foreign + counts[2]
        file.forget()
    return rows, lost, foreign


def reason(file: AccessFile, table: str, error: DamagedSource) -> str:
    """What is wrong, without the names that whoever reads it has before his eyes."""
    return error.message.removeprefix(f"{file.name}: ").removeprefix(f"table {table!r}").lstrip(",: ")
