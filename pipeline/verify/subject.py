"""What a verifier looks at: one table, as planned, as recorded, and where it stands."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from pipeline.catalog import Table
from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.digest import Sums
from pipeline.record import Load
from pipeline.transform.chain import Transformed


@dataclass(frozen=True, slots=True)
class Content:
    """What a table's rows are in the source now, and shall be in the target."""

    read: Callable[[], Iterator[Transformed]]
    """Reads all of them again, each time it is called; raises SourceError."""
    carried: Mapping[str, str] = field(default_factory=dict)
    """By column of the target, that of the source whose values it takes as they are, but for losses."""


@dataclass(frozen=True, slots=True)
class Subject:
    source: str
    """The source's name of the table."""
    target: Table
    load: Load | None
    """None where Naru never loaded it."""
    source_rows: int | None
    """Rows counted in the source now; None where the source is not at hand."""
    claimed_rows: int | None = None
    """Rows that the source says it has, without counting; None where it says nothing."""
    content: Content | None = None
    """None where rows are not compared."""
    sums: Sums | None = None
    """Of both sides, once they have been read; None where they are not compared."""
    worded: Table | str | None = None
    """The target's expressions in PostgreSQL's words, or why it has none for them; None where it has no expression."""

    @property
    def ordered(self) -> bool:
        """Whether the source gives its rows in one order each time, so that a locator tells a row."""
        return self.load is not None and self.load.position is not None

    @property
    def beside_others(self) -> bool:
        """Whether rows of others stand in the target, among which ours have to be."""
        return self.load is not None and self.load.rows_before > self.load.rows_updated


Verifier = Callable[[Connection, Subject], Iterator[Finding]]
"""Reads only; yields what it finds, in a stable order."""
