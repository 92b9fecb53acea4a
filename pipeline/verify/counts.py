"""Every row of the source is in the target, in the quarantine, or left behind by the mapping's filter."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, query, relation
from pipeline.verify.subject import Subject


def verify_counts(connection: Connection, subject: Subject) -> Iterator[Finding]:
    load = subject.load
    if load is None or load.state != "done":
        text = "was never loaded" if load is None else f"is still {load.state}: the migration has not finished"
        yield _finding(subject, "load", 1, f"table {text}")
        return
    if subject.source_rows is not None and subject.source_rows != load.rows_read:
        text = f"the source has {subject.source_rows:,} rows, {load.rows_read:,} were read"
        yield _finding(subject, "read", abs(subject.source_rows - load.rows_read), text)
    waiting, replayed = _quarantined(connection, subject)
    expected = load.rows_before + load.rows_loaded + replayed - load.rows_updated
    if waiting + replayed != load.rows_rejected:
        text = f"{load.rows_rejected:,} rows were refused, the quarantine holds {waiting + replayed:,}"
        yield _finding(subject, "quarantine", abs(waiting + replayed - load.rows_rejected), text)
    found = _count(connection, subject)
    if found != expected:
        text = f"the target should hold {expected:,} rows and holds {found:,}"
        yield _finding(subject, "rows", abs(found - expected), text)


def _count(connection: Connection, subject: Subject) -> int:
    row = connection.execute(SQL("select count(*) from {}").format(relation(subject.target))).fetchone()
    assert row is not None, "count(*) has one row"
    return int(row[0])


def _quarantined(connection: Connection, subject: Subject) -> tuple[int, int]:
    """Rejects that wait, and rejects that were replayed into the target."""
    name = {"schema": subject.target.schema, "table": subject.target.name}
    row = connection.execute(query("count_rejects"), name).fetchone()
    assert row is not None, "count(*) has one row"
    return int(row[0]), int(row[1])


def _finding(subject: Subject, what: str, count: int, detail: str) -> Finding:
    return Finding("counts", subject.target.name, what, count, detail)
