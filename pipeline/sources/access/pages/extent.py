"""Which pages of a damaged file are a table's."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from pipeline.batch import Unread, Unreadable
from pipeline.errors import DamagedSource
from pipeline.sources.access.pages.definition import TableDefinition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.format import DATA_PAGE
from pipeline.sources.access.pages.halving import halved
from pipeline.sources.access.pages.memory import Ints
from pipeline.sources.access.pages.rows import live_slots, misfits, own_pages, windows
from pipeline.sources.access.pages.usage import claimed_pages

_SCAN_PAGES = 1 << 14


@dataclass(frozen=True, slots=True)
class Extent:
    """The pages that a table is read from, and how many places come of them."""

    pages: Ints
    only_own: bool
    """Whether a page of something else among them is a loss."""
    misfits: Ints
    """Pages that may have more or fewer rows than they count, as the table has another number of them."""
    flaw: Unread | None
    """What is wrong with the table's map."""
    doubt: str | None
    """Why rows on them may be rows that were deleted long ago."""
    places: int
    """Rows and unread places together."""


@dataclass(frozen=True, slots=True)
class _Tally:
    rows: int = 0
    lost: int = 0
    """Pages that are unreadable."""
    foreign: int = 0
    """Pages of something else."""
    misfits: Ints = field(default_factory=lambda: np.zeros(0, np.int64))

    def __add__(self, other: _Tally) -> _Tally:
        misfits = np.concatenate([self.misfits, other.misfits])
        return _Tally(self.rows + other.rows, self.lost + other.lost, self.foreign + other.foreign, misfits)

    @property
    def places(self) -> int:
        return self.rows + self.lost + self.foreign + len(self.misfits)


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
    found = _tally(file, table, pages)
    if found.rows == table.rows:
        return Extent(pages, False, _Tally().misfits, flaw=None, doubt=None, places=found.rows + found.lost)
    mapped = Extent(pages, True, found.misfits, flaw=None, doubt=None, places=found.places)
    others, more = unmapped_rows(file, table, pages)
    if not more:
        return mapped
    if found.rows + more == table.rows:
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
    return others, _tally(file, table, others).rows


def _unmapped(file: AccessFile, table: TableDefinition, why: str) -> Extent:
    pages = _owned_pages(file, table)
    found = _tally(file, table, pages)
    counted = f"hold {found.rows:,} rows where its definition counts {table.rows:,}"
    flaw = _flaw(f"{why}; its pages, found by their owner instead, {counted}")
    if found.rows == table.rows:
        return Extent(pages, True, _Tally().misfits, flaw, doubt=None, places=1 + found.rows + found.lost)
    return Extent(pages, True, found.misfits, flaw, doubt=flaw.detail, places=1 + found.places)


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


def _tally(file: AccessFile, table: TableDefinition, pages: Ints) -> _Tally:
    def read(part: slice) -> _Tally:
        foreign = len(window[part]) - len(own_pages(file, table, window[part]))
        rows = len(live_slots(file, table, window[part]))
        return _Tally(rows, foreign=foreign, misfits=misfits(file, table, window[part]))

    found = _Tally()
    for window in windows(pages):
        file.check_unchanged()
        found = sum(halved(read, len(window), lambda *_: _Tally(lost=1)), start=found)
        file.forget()
    return found


def reason(file: AccessFile, table: str, error: DamagedSource) -> str:
    """What is wrong, without the names that whoever reads it has before his eyes."""
    return error.message.removeprefix(f"{file.name}: ").removeprefix(f"table {table!r}").lstrip(",: ")
