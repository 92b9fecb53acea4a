"""Outcomes for people (tables on a console) and for machines (the same values as JSON)."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, is_dataclass
from enum import Enum
from typing import Any, Protocol

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.catalog import Notice
from pipeline.outcome import (
    Agreement,
    Answer,
    Finding,
    Level,
    ProofFile,
    Rechecked,
    Reject,
    RunOutcome,
    Standing,
    Verdict,
)
from pipeline.record import Load, LossCount, PastRun, RejectCount, StoredLoss, StoredReject
from pipeline.report.line import say
from pipeline.report.visible import visible


class Forecast(Protocol):
    """What a dry run says of one table."""

    @property
    def source(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def filtered(self) -> int: ...
    @property
    def rejects(self) -> Sequence[tuple[str, int, Reject]]: ...
    @property
    def losses(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def sample_rows(self) -> int: ...
    @property
    def rejected(self) -> int: ...


def as_json(value: object) -> str:
    """Any outcome as JSON: field names are keys, everything that JSON lacks is text."""
    return json.dumps(_plain(value), ensure_ascii=False, indent=2, default=str)


def print_notices(console: Console, notices: Iterable[Notice]) -> None:
    for notice in notices:
        place = ".".join(part for part in (notice.table, notice.column) if part)
        say(console, f"note: {place + ': ' if place else ''}{notice.text}", "yellow")


_VERDICTS = {
    Verdict.COMPLETE: "complete",
    Verdict.DIFFERENCES: "differences",
    Verdict.INCOMPLETE: "incomplete: the source is damaged, and what cannot be read of it is listed above",
}
_STYLES = {Verdict.COMPLETE: "green", Verdict.DIFFERENCES: "yellow", Verdict.INCOMPLETE: "red"}


def print_outcome(console: Console, outcome: RunOutcome) -> None:
    counts = {
        "read": [row.read for row in outcome.tables],
        "loaded": [row.loaded for row in outcome.tables],
        "refused": [row.rejected for row in outcome.tables],
        "filtered": [row.filtered for row in outcome.tables],
        "losses": [row.losses for row in outcome.tables],
    }
    # What no row has is left out, so that the table fits into 80 columns.
    shown = {name: column for name, column in counts.items() if name in ("read", "loaded", "refused") or any(column)}
    table = _table("table", *shown, "rows/s")
    for i, row in enumerate(outcome.tables):
        rate = f"{row.read / row.seconds:,.0f}" if row.seconds else ""
        table.add_row(row.target, *(f"{column[i]:,}" for column in shown.values()), rate)
    console.print(table)
    for notice in outcome.notices:
        say(console, f"note: {notice}", "yellow")
    print_findings(console, outcome.findings)
    if any(counts["losses"]):
        say(console, "hint: see the changed values with: python -m pipeline losses")
    loaded = sum(row.loaded for row in outcome.tables)
    say(console, f"{outcome.source}: {loaded:,} rows in {outcome.target} after {duration(outcome.seconds)}")
    say(console, f"run {outcome.run_id}: {_VERDICTS[outcome.verdict]}", _STYLES[outcome.verdict])
    print_proof(console, outcome.level, outcome.proof, proven=outcome.verdict is Verdict.COMPLETE)


def print_proof(console: Console, level: Level, proof: ProofFile | None, *, proven: bool) -> None:
    """How far the verification went, and the file that says so to others."""
    if proof is not None:
        what = "proof of every cell" if proven else "no proof, but what was found"
        say(console, f"{what}: {proof.path}, sha256 {proof.sha256}")
    elif level is not Level.CONTENT:
        say(console, f"verified at level {level} alone: no proof is written", "yellow")


_AGREEMENTS = {
    Agreement.EQUAL: "green",
    Agreement.DIFFERS: "red",
    Agreement.MISSING: "red",
    Agreement.UNCHECKED: "yellow",
}


def print_rechecked(console: Console, tables: Sequence[Rechecked]) -> None:
    """Table by table, then how many of them came to what."""
    shown = _table("table", "rows proven", "rows found", "", "", numbers=False)
    for table in tables:
        rows = ("" if count is None else f"{count:,}" for count in (table.rows_proven, table.rows_found))
        shown.add_row(table.table, *rows, table.agreement.value, table.detail)
    console.print(shown)
    for agreement, style in _AGREEMENTS.items():
        if count := sum(table.agreement is agreement for table in tables):
            say(console, f"{agreement}: {count:,} {'table' if count == 1 else 'tables'}", style)


def print_findings(console: Console, findings: Sequence[Finding]) -> None:
    """What the mapping allows, the verdict, and each finding."""
    for allowed in (finding for finding in findings if finding.allowed):
        say(console, f"note: {allowed.table}: {allowed.subject}: {allowed.detail}", "yellow")
    findings = [finding for finding in findings if not finding.allowed]
    if not findings:
        say(console, "verified: no findings", "green")
        return
    table = _table("verifier", "table", "subject", "finding", numbers=False)
    for finding in findings:
        table.add_row(finding.verifier, finding.table, finding.subject, finding.detail)
    console.print(table)
    say(console, f"verification found {len(findings)} {'thing' if len(findings) == 1 else 'things'}", "red")
    if any(finding.verifier == "rejects" for finding in findings):
        say(console, "hint: see the refused rows with: python -m pipeline rejects")


def print_forecast(console: Console, forecasts: Sequence[Forecast]) -> None:
    for row in forecasts:
        say(console, f"[DRY RUN] Would migrate {row.rows - row.rejected - row.filtered:,} {row.target}")
        if row.filtered:
            say(console, f"          {row.filtered:,} rows are filtered out by the mapping")
        for reason, count, first in row.rejects:
            say(console, f"          {count:,} rows would be refused: {reason}, the first: {first.detail}", "yellow")
        if row.losses:
            say(console, f"          {row.losses:,} values would change by a rule of the mapping", "yellow")
    rests_on = f"reading {sum(row.rows for row in forecasts):,} rows just now, and writing"
    rests_on += f" {sum(row.sample_rows for row in forecasts):,} of them to this target for a try"
    untimed = [row.target for row in forecasts if row.rows > row.rejected + row.filtered and not row.sample_rows]
    if untimed:
        rests_on += f"; not timed, since PostgreSQL refused the try: writing {', '.join(untimed)}"
    say(console, f"Total estimated time: {duration(sum(row.seconds for row in forecasts))}, from {rests_on}")


_STANDINGS = {Standing.PASS: "green", Standing.WARN: "yellow", Standing.FAIL: "red"}

_LONGEST_ANSWER = 2000


def print_answers(console: Console, answers: Sequence[Answer]) -> None:
    """Every check of the preflight; what mends stands below the table, in one piece to be copied."""
    table = _table("check", "", "found", numbers=False)
    for it in answers:
        table.add_row(it.check, Text(it.standing, _STANDINGS[it.standing]), Text(visible(it.detail, _LONGEST_ANSWER)))
    console.print(table)
    for it in answers:
        if it.mend:
            say(console, f"hint: {it.check}: {it.mend}", _STANDINGS[it.standing])
    counts = Counter(it.standing for it in answers)
    total = ", ".join(f"{counts[standing]} {standing}" for standing in Standing if counts[standing])
    say(console, f"preflight: {total}", _STANDINGS[max(counts, key=[*Standing].index)])


def print_doubts(console: Console, answers: Iterable[Answer]) -> None:
    """Of the checks that `migrate` makes by itself, what the user should know of; a line each, as it comes."""
    for it in answers:
        if it.standing is not Standing.PASS:
            say(console, f"note: {it.check}: {it.detail}\nhint: {it.mend}", "yellow")


def print_status(console: Console, runs: Sequence[PastRun], loads: Sequence[Load]) -> None:
    if not runs:
        say(console, "no run has written to this target")
        return
    table = _table("run", "command", "source", "state", "started", "seconds", numbers=False)
    for run in runs:
        seconds = f"{(run.finished_at - run.started_at).total_seconds():.1f}" if run.finished_at else ""
        started = f"{run.started_at:%Y-%m-%d %H:%M:%S}"
        table.add_row(run.run_id, run.command, run.source, run.state, started, seconds)
    console.print(table)
    table = _table("table", "state", "read", "refused", "batches", "run", numbers=False)
    for load in loads:
        name = f"{load.target_schema}.{load.target_table}"
        counts = (load.rows_read, load.rows_rejected, load.batches)
        table.add_row(name, load.state, *(f"{count:,}" for count in counts), load.run_id)
    console.print(table)


def print_rejects(
    console: Console, summary: Sequence[RejectCount], shown: Sequence[StoredReject], only: str | None = None
) -> None:
    """The quarantine, or what it holds of the one table that was asked for."""
    if not summary:
        say(console, f"the quarantine holds no row of table {only}" if only else "the quarantine is empty", "green")
        return
    table = _table("table", "stage", "reason", "rows", numbers=False)
    for row in summary:
        table.add_row(f"{row.target_schema}.{row.target_table}", row.stage, row.reason, f"{row.count:,}")
    console.print(table)
    for stored in shown:
        reject = stored.reject
        place = f"#{stored.reject_id} {reject.table}" + (f" row {reject.locator}" if reject.locator else "")
        say(console, f"{place}: {reject.reason}: {reject.detail}", "yellow")
        say(console, f"    {_readable(stored.raw_values)}")
    say(console, "hint: correct the mapping or the parent rows, then: python -m pipeline rejects replay")


def print_losses(console: Console, counts: Sequence[LossCount], shown: Sequence[StoredLoss]) -> None:
    if not counts:
        say(console, "no value that was asked for arrived otherwise than the source holds it", "green")
        return
    table = _table("table", "column", "rule", "values", numbers=False)
    for row in counts:
        table.add_row(f"{row.target_schema}.{row.target_table}", row.target_column, row.rule, f"{row.count:,}")
    console.print(table)
    for stored in shown:
        loss = stored.loss
        key = ", ".join(f"{name}={value}" for name, value in loss.key.items()) or f"row {loss.locator}"
        say(console, f"{loss.table} {key}: {loss.column}: {loss.rule}", "yellow")
        say(console, f"    {_told(loss.before)} -> {_told(loss.after)}")
    if len(shown) < sum(row.count for row in counts):
        say(console, "hint: --limit shows more of them; --table, --column and --rule choose")


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _told(text: str | None) -> str:
    """In quotes, in which blanks can be seen; NULL without."""
    return "NULL" if text is None else json.dumps(text, ensure_ascii=False)


def _readable(row: str) -> str:
    """Stored JSON without the escapes that text a person can read does not need."""
    text = json.dumps(json.loads(row), ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace").decode()


def _table(*headers: str, numbers: bool = True) -> Table:
    """Names and texts are folded where the terminal is narrow; a number is whole, or ends in `…`: never another one."""
    table = Table(header_style="bold", box=SIMPLE_HEAD, pad_edge=False)
    for i, header in enumerate(headers):
        if numbers and i:
            table.add_column(header, justify="right", overflow="ellipsis", no_wrap=True)
        else:
            table.add_column(header, overflow="fold")
    return table


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return value
