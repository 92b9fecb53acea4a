"""What becomes of rows, of values and of runs: what stages tell each other, and the report shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, StrEnum
from pathlib import Path

import polars as pl


class Stage(Enum):
    """Where a row was refused."""

    SOURCE = "source"
    """A cell could not be decoded."""
    TRANSFORM = "transform"
    """A step of the mapping could not be applied exactly."""
    COPY = "copy"
    """PostgreSQL refused the row."""
    CONSTRAINT = "constraint"
    """The row arrived, and breaks a key, a required column or a relationship."""


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that was refused, with why and what it held; it waits in the quarantine."""

    table: str
    """The source's name of the table."""
    locator: int | None
    stage: Stage
    reason: str
    """A short stable word: `null_in_required`, `u0000`, `duplicate_key`."""
    detail: str
    key: Mapping[str, object]
    values: Mapping[str, object]
    """Original values by source column (CONSTRAINT: arrived values by target column).

    A place that nobody can read has its bytes under the empty name, which no column has.
    """


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that arrived not bit-identical, by intent."""

    table: str
    """The source's name of the table."""
    locator: int | None
    key: Mapping[str, object]
    """Original values by source column."""
    column: str
    """The source's name."""
    target_column: str
    rule: str
    """What changed it: a step's name, or several in their order, joined by `+`."""
    before: str | None
    """As the source holds it, spelled as PostgreSQL would; None for NULL. One that is cut tells its length."""
    after: str | None


@dataclass(frozen=True, slots=True)
class Losses:
    """Those of one column of a batch: `frame` has `locator`, `rule`, `before` and `after`, `keys` the same rows."""

    table: str
    column: str
    target_column: str
    frame: pl.DataFrame
    keys: pl.DataFrame

    def __len__(self) -> int:
        return self.frame.height

    def __iter__(self) -> Iterator[Loss]:
        keys = self.keys.rows(named=True) if self.keys.width else [{}] * len(self)
        for (locator, rule, before, after), key in zip(self.frame.rows(), keys, strict=True):
            yield Loss(self.table, locator, key, self.column, self.target_column, rule, before, after)

    def without(self, locators: Iterable[int | None]) -> Losses:
        """But those of rows that did not arrive."""
        return self._where(~self.frame["locator"].is_in([*locators]))

    def only(self, locators: pl.Series) -> Losses:
        """Those of the rows at these places."""
        return self._where(self.frame["locator"].is_in(locators.implode()))

    def _where(self, kept: pl.Series) -> Losses:
        keys = self.keys.filter(kept) if self.keys.width else self.keys  # a frame without columns has no rows
        return Losses(self.table, self.column, self.target_column, self.frame.filter(kept), keys)


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that verification holds against the target."""

    verifier: str
    table: str
    subject: str
    """Constraint, column or reason that it is about."""
    count: int
    detail: str
    allowed: bool = False
    """Told, and nothing against the target: the mapping allows it, or the source itself is at odds."""


@dataclass(frozen=True, slots=True)
class Repaired:
    """What a repair does, or did, to the rows of one table of the target."""

    table: str
    rewritten: int
    inserted: int
    deleted: int
    saved: str
    """The file with what they were before."""

    @property
    def rows(self) -> int:
        return self.rewritten + self.inserted + self.deleted

    def __str__(self) -> str:
        rows = "row" if self.rewritten == 1 else "rows"
        return f"{self.rewritten:,} {rows} rewritten, {self.inserted:,} inserted, {self.deleted:,} deleted"


@dataclass(frozen=True, slots=True)
class TakenBack:
    """One step of a rollback: what is done, or was, to one relation of the target."""

    action: str
    """`drop view`, `drop foreign key`, `drop table`, `take rows from`, `drop schema`, ..."""
    name: str
    rows_removed: int = 0
    rows_restored: int = 0

    def __str__(self) -> str:
        counts = {"removed": self.rows_removed, "restored": self.rows_restored}
        rows = ", ".join(f"{count:,} rows {what}" for what, count in counts.items() if count)
        return f"{self.action} {self.name}{rows and f': {rows}'}"


class Level(StrEnum):
    """How far verification goes; each asks what those before it ask."""

    COUNTS = "counts"
    """Rows of source, target and quarantine."""
    KEYS = "keys"
    """Columns, keys, relationships, checks, required columns, identities and views too."""
    CONTENT = "content"
    """Every cell of every row too."""


class Verdict(StrEnum):
    """What a run comes to in one word."""

    COMPLETE = "complete"
    """Everything arrived, and verification found nothing."""
    DIFFERENCES = "differences"
    """Verification found something; every row of the source is in the target or in the quarantine."""
    INCOMPLETE = "incomplete"
    """The source is damaged, and not all of it could be read."""


class Agreement(StrEnum):
    """What became of a table since it was proven."""

    EQUAL = "equal"
    DIFFERS = "differs"
    MISSING = "missing"
    UNCHECKED = "not checked"
    """Nothing can be said of it."""


@dataclass(frozen=True, slots=True)
class Rechecked:
    """One table of a proof, held against the target as it is now."""

    table: str
    agreement: Agreement
    rows_proven: int | None
    rows_found: int | None
    """None where they were not counted."""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ProofFile:
    path: Path
    sha256: str


@dataclass(frozen=True, slots=True)
class TableOutcome:
    source: str
    target: str
    read: int
    loaded: int
    rejected: int
    filtered: int
    losses: int
    seconds: float


@dataclass(frozen=True, slots=True)
class RunOutcome:
    run_id: str
    source: str
    target: str
    tables: tuple[TableOutcome, ...]
    findings: tuple[Finding, ...]
    notices: tuple[str, ...]
    seconds: float
    verdict: Verdict
    level: Level
    """How far it was verified."""
    proof: ProofFile | None
    """None where not every cell was asked for, or no file could be written."""

    @property
    def clean(self) -> bool:
        return clean(self.findings)


def clean(findings: Iterable[Finding]) -> bool:
    return all(finding.allowed for finding in findings)


class Standing(StrEnum):
    """How a check of the preflight came out."""

    PASS = "pass"  # noqa: S105
    WARN = "warn"
    """A run may begin; the user should know of it."""
    FAIL = "fail"
    """A run would stop here."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one check of the preflight came to."""

    check: str
    standing: Standing
    detail: str
    mend: str | None = None
    """A command, a statement or a deed that changes the answer."""
    exit_code: int = 0
    """That of the error that a run would end in."""
