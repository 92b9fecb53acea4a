"""What a run has to tell: values that the ledger stores and the report shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum


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
    """Original values by source column (CONSTRAINT: arrived values by target column)."""


@dataclass(frozen=True, slots=True)
class Loss:
    """A value that arrived not bit-identical, by a rule that the mapping asked for."""

    table: str
    locator: int | None
    key: Mapping[str, object]
    column: str
    rule: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that verification holds against the target."""

    verifier: str
    table: str
    subject: str
    """Constraint, column or reason that it is about."""
    count: int
    detail: str


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

    @property
    def clean(self) -> bool:
        return not self.findings
