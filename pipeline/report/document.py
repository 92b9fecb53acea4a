"""What a report says, as one value: the page shows it to people, JSON gives it to machines."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from pipeline.catalog import Relationship
from pipeline.outcome import Finding, Level, Verdict
from pipeline.record import LossSample, Pace, RejectSample, RunRecord, Verification


class Standing(StrEnum):
    """What is known of a run: its verdict, or why there is none that speaks for all of it."""

    COMPLETE = "complete"
    PARTIAL = "partial"
    """Verified without a difference, and not every table was."""
    DIFFERENCES = "differences"
    INCOMPLETE = "incomplete"
    UNVERIFIED = "unverified"
    """It ended well, and the ledger knows of no verification."""
    STOPPED = "stopped"
    RUNNING = "running"


@dataclass(frozen=True, slots=True)
class TableReport:
    """Where one table stands; the counts are of all runs that loaded it."""

    source: str
    target_schema: str
    target: str
    state: str
    """`loading`, `loaded` or `done`, as the ledger has it."""
    read: int
    loaded: int
    refused: int
    """Over all; those that wait in the quarantine are in the report's rejects."""
    filtered: int
    losses: int
    seconds: float
    run_id: str
    """The run that began its load."""
    verified: bool
    """Whether the verification spoke of it."""
    findings: int
    """Those that are not allowed."""
    planned_rows: int | None = None
    """What the source said before the load that it holds; None where that is not known."""
    planned_seconds: float | None = None
    """To compare with `seconds`; None: neither an earlier load of the table nor its second batch could tell."""
    planned_by: str | None = None
    """The run of that earlier load; `run_id` for its own second batch."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Plan and actual of the tables that have a plan: of the others neither is counted."""

    tables: int
    planned: float
    actual: float


@dataclass(frozen=True, slots=True)
class Totals:
    read: int
    loaded: int
    refused: int
    filtered: int
    losses: int
    seconds: float
    plan_rows: Compared | None
    """Rows planned and read; None where no table has a plan."""
    plan_seconds: Compared | None


@dataclass(frozen=True, slots=True)
class Report:
    standing: Standing
    run: RunRecord
    target: str
    later_run: str | None
    """The last run that has written to the target since: what is told of tables is as that one left them."""
    totals: Totals
    tables: tuple[TableReport, ...]
    relationships: tuple[Relationship, ...]
    """Foreign keys of the target between these tables."""
    verified_at: datetime | None
    level: Level | None
    """How far the verification went; None where there was none."""
    proof: str | None
    """SHA-256 of the proof file that was written of it."""
    findings: tuple[Finding, ...]
    pace_run: str | None
    """The run whose pace is told: this one, or for one that loaded nothing, the last that did."""
    pace: tuple[Pace, ...]
    rejects: tuple[RejectSample, ...]
    losses: tuple[LossSample, ...]

    @property
    def proven(self) -> str:
        """Which words tell the standing: what is complete is so as far as it was verified, and no further."""
        if self.standing is Standing.COMPLETE and self.level is not Level.CONTENT:
            return f"{self.standing}_{self.level}"
        return self.standing.value


def standing(run: RunRecord, verification: Verification | None, tables: tuple[TableReport, ...]) -> Standing:
    """The verdict, weakened by what it does not speak of: never more than was proven."""
    if run.state == "running":
        return Standing.RUNNING
    if run.state != "done":
        return Standing.STOPPED
    if verification is None:
        return Standing.UNVERIFIED
    if verification.verdict is Verdict.COMPLETE and not all(table.verified for table in tables):
        return Standing.PARTIAL
    return Standing(verification.verdict.value)


def total(tables: tuple[TableReport, ...]) -> Totals:
    return Totals(
        sum(table.read for table in tables),
        sum(table.loaded for table in tables),
        sum(table.refused for table in tables),
        sum(table.filtered for table in tables),
        sum(table.losses for table in tables),
        sum(table.seconds for table in tables),
        _compared((table.planned_rows, table.read) for table in tables),
        _compared((table.planned_seconds, table.seconds) for table in tables),
    )


def _compared(pairs: Iterable[tuple[float | None, float]]) -> Compared | None:
    known = [(planned, actual) for planned, actual in pairs if planned is not None]
    if not known:
        return None
    return Compared(len(known), sum(planned for planned, _ in known), sum(actual for _, actual in known))
