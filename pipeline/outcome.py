"""What a run has to tell: values that the ledger stores and the report shows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, StrEnum
from pathlib import Path

import polars as pl

from pipeline.batch import Position


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
        rows = f": {self.rows_removed:,} removed, {self.rows_restored:,} restored"
        return f"{self.action} {self.name}{rows if self.rows_removed or self.rows_restored else ''}"


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


@dataclass(frozen=True, slots=True)
class Run:
    """One invocation that writes to the target."""

    run_id: str
    command: str
    source: str
    fingerprint: str
    mapping_digest: str
    tool_version: str


@dataclass(frozen=True, slots=True)
class Load:
    """Where the load of one target table stands."""

    target_schema: str
    target_table: str
    source_table: str
    run_id: str
    fingerprint: str
    mapping_digest: str
    staging: str | None
    state: str = "loading"
    """`loading`, `loaded` (every row has been read), `done` (keys built or rows merged)."""
    position: Position | None = None
    batches: int = 0
    rows_read: int = 0
    rows_filtered: int = 0
    rows_rejected: int = 0
    rows_before: int = 0
    rows_updated: int = 0
    seconds: float = 0.0
    planned_rows: int | None = None
    """What the source said before the load that it holds; None where it said nothing, or nobody kept it."""
    planned_seconds: float | None = None
    """Expected to be taken, at the pace of the table's load before or of its own second batch; None: nothing told."""
    planned_by: str | None = None
    """The run whose pace that was; `run_id` for its own second batch."""

    @property
    def rows_loaded(self) -> int:
        return self.rows_read - self.rows_filtered - self.rows_rejected


@dataclass(frozen=True, slots=True)
class StoredReject:
    """A reject as it waits in the quarantine."""

    reject_id: int
    run_id: str
    target_schema: str
    target_table: str
    reject: Reject
    raw_values: str
    """The values as JSON text, as they are stored."""


@dataclass(frozen=True, slots=True)
class RejectCount:
    """How many rows of a table wait for one reason."""

    target_schema: str
    target_table: str
    stage: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class StoredLoss:
    """A loss as the ledger keeps it."""

    loss_id: int
    run_id: str
    target_schema: str
    target_table: str
    loss: Loss


@dataclass(frozen=True, slots=True)
class LossCount:
    """How many values of a column one rule changed."""

    target_schema: str
    target_table: str
    target_column: str
    rule: str
    count: int


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run as `status` shows it."""

    run_id: str
    command: str
    source: str
    state: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Verification:
    """What the verifiers said at the end of a run, and of which tables."""

    verdict: Verdict
    target_schema: str
    target_tables: tuple[str, ...]
    findings: tuple[Finding, ...]
    """In the order in which they were found."""
    verified_at: datetime | None = None
    """As the ledger has it; None before it is there."""
    level: Level = Level.KEYS
    """How far it went; a release that did not keep it knew no further level."""
    proof: str | None = None
    """SHA-256 of the proof file that was written of it; None where there is none."""


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as the ledger keeps it, whole."""

    run_id: str
    command: str
    source: str
    fingerprint: str
    mapping_digest: str
    tool_version: str
    host: str
    state: str
    started_at: datetime
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """Rows that were read between two moments of a run, in seconds since its first batch began."""

    begins_s: float
    ends_s: float
    rows: float


@dataclass(frozen=True, slots=True)
class RejectSample:
    """One waiting reject of those with the same table, stage and reason, cut to what a page can show."""

    target_schema: str
    target_table: str
    stage: str
    reason: str
    count: int
    """How many wait like it."""
    reject_id: int
    locator: int | None
    detail: str
    row_values: str
    """The beginning of the values, as JSON text."""


@dataclass(frozen=True, slots=True)
class LossSample:
    """One loss of those with the same table, column and rule, cut to what a page can show."""

    target_schema: str
    target_table: str
    column_name: str
    rule: str
    count: int
    """How many values changed like it."""
    locator: int | None
    key: str
    """The beginning of the row's key, as JSON text."""
    before: str | None
    after: str | None
    """None is NULL."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A value as it stands, and as the repair would leave it; None: it would be refused, or nothing brings it back."""

    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class Damage:
    """What happened to the text of some values of a column."""

    kind: str
    """A short stable word: `cp949_as_latin`, `decomposed`, `replaced`."""
    meaning: str
    count: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class TextEvidence:
    """What the text of one column tells of how it was stored."""

    table: str
    column: str
    values: int
    """Those that were read and are not NULL."""
    undecodable: int
    """Cells that are no text in their own encoding; a migration refuses or replaces them."""
    korean: int
    """Sound values with Hangul."""
    damages: tuple[Damage, ...]
    doubtful: int
    """Values that `repair` without `only` would change or refuse, though they do not become Korean."""
    doubted: tuple[Sample, ...]
    """What it would make of them."""
    encoding: Mapping[str, str] | None
    """The mapping's `encoding` that repairs it; None where nothing does, or nothing needs it."""

    @property
    def mixed(self) -> bool:
        """Whether sound Korean stands beside text that can be repaired."""
        return self.korean > 0 and self.encoding is not None


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
