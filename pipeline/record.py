"""What the ledger keeps of runs, loads, rejects, losses and findings, and tells of them afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.batch import Position
from pipeline.outcome import Finding, Level, Loss, Reject, Verdict


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
