"""Every row of the source is in the target, in the quarantine, or left behind by the mapping's filter."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.batch import Unreadable
from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.records import count_rows, one
from pipeline.postgres.sql import query, relation
from pipeline.verify.subject import Subject


def verify_counts(connection: Connection, subject: Subject) -> Iterator[Finding]:
    load = subject.load
    if load is None or load.state != "done":
        name = f"{subject.target.schema or 'public'}.{subject.target.name}"
        text = "was never loaded" if load is None else f"is still {load.state}: the migration has not finished"
        yield _finding(subject, "load", 1, f"table {name} {text}")
        return
    if subject.source_rows is not None and subject.source_rows != load.rows_read:
        text = f"the source has {subject.source_rows:,} rows, {load.rows_read:,} were read"
        yield _finding(subject, "read", abs(subject.source_rows - load.rows_read), text)
    yield from _claim(connection, subject)
    waiting, replayed = _quarantined(connection, subject)
    expected = load.rows_before + load.rows_loaded + replayed - load.rows_updated
    if waiting + replayed != load.rows_rejected:
        text = f"{load.rows_rejected:,} rows were refused, the quarantine holds {waiting + replayed:,}"
        yield _finding(subject, "quarantine", abs(waiting + replayed - load.rows_rejected), text)
    found = count_rows(connection, relation(subject.target))
    if found != expected:
        text = f"the target should hold {expected:,} rows and holds {found:,}"
        yield _finding(subject, "rows", abs(found - expected), text)


def _claim(connection: Connection, subject: Subject) -> Iterator[Finding]:
    """Told, and no difference: real files miscount as well, and damage that looks like a sound page shows here only.

    Places that cannot be read are counted as rows, and are told one by one.
    """
    claimed, found = subject.claimed_rows, subject.source_rows
    if claimed is None or found is None or claimed == found or _unreadable(connection, subject):
        return
    text = f"the source's own count is {claimed:,} rows, and {found:,} are found: compare with what Access shows"
    yield replace(_finding(subject, "claimed rows", abs(claimed - found), text), allowed=True)


def _unreadable(connection: Connection, subject: Subject) -> bool:
    name = {"schema": subject.target.schema, "table": subject.target.name}
    return any(reason in {*Unreadable} for reason, *_ in connection.execute(query("rejects_by_reason"), name))


def _quarantined(connection: Connection, subject: Subject) -> tuple[int, int]:
    """Rejects that wait, and rejects that were replayed into the target."""
    name = {"schema": subject.target.schema, "table": subject.target.name}
    waiting, replayed = one(connection, query("count_rejects"), name)
    return int(waiting), int(replayed)


def _finding(subject: Subject, what: str, count: int, detail: str) -> Finding:
    return Finding("counts", subject.target.name, what, count, detail)
