"""What travels from a source to the loader: a bounded frame that knows where it ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl


@dataclass(frozen=True, slots=True)
class Position:
    """Where a batch ends in its source. Only the source that made it can read `mark`.

    `mark` is a JSON value (the ledger stores it as such). It must not depend on the batch size:
    a run resumed with another size continues after the same row. None: the source cannot continue
    after the row, as its rows have no order; an interrupted load of the table begins again.
    """

    mark: object


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Identity of a source's content and of how it is read: equal fingerprints give equal rows.

    Of a live database, it is that of the database and of its schema; its rows may change at any time.
    """

    kind: str
    digest: str
    bytes: int
    """What the source takes up on a disk, unpacked; 0 where it does not tell."""


@dataclass(frozen=True, slots=True)
class Defect:
    """A cell that the source could not turn into a value of its type; it is NULL in the frame.

    `raw` is what the source holds. `replacement` is the nearest value that can be stored, where
    there is one (text with U+FFFD for each undecodable part): used only when the mapping asks,
    and then recorded as a loss.
    """

    row: int
    """Index into the frame."""
    column: str
    reason: str
    raw: bytes
    replacement: str | None = None
    damaged: bool = False
    """The source itself is damaged there: not a wrong value, but one that is lost."""


class Unreadable(StrEnum):
    """What damage took from a source that is salvaged, as the quarantine names it."""

    TABLE = "unreadable_table"
    PAGE = "unreadable_page"
    ROW = "unreadable_row"
    VALUE = "unreadable_value"
    """One cell; the other values of its row are kept."""
    DOUBTED = "doubted_row"
    """A row that reads well, and may have been deleted; it can be replayed."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A place of a damaged source that held rows nobody can read; it counts as one row read and refused."""

    locator: int
    """In the order of the rows' own; a page stands before or behind the rows it may have held."""
    reason: Unreadable
    detail: str
    """The place in words, and why it cannot be read."""
    raw: bytes
    """The first bytes of what is there, where there is anything."""


@dataclass(frozen=True, slots=True)
class Batch:
    """A bounded run of rows of one table, in source order.

    `frame` has the source's column names. `locators` (Int64, one per row) tell a row's place in the
    source, and ascend with it: for Access, page number * 256 + row number. `position` is that of the last row, deleted
    rows included. `unread` are places among the rows, none in a source that is not salvaged.
    """

    frame: pl.DataFrame
    locators: pl.Series
    position: Position
    defects: tuple[Defect, ...] = field(default=())
    unread: tuple[Unread, ...] = field(default=())
    doubt: str | None = None
    """Why nobody can tell whether the rows are the table's; all of them are then refused, with their values."""
