"""All verifiers over all tables, in one transaction that writes nothing: findings speak of one moment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pipeline.catalog import View
from pipeline.outcome import Finding, Level
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.introspect import table_exists
from pipeline.postgres.probe import worded, worded_view
from pipeline.verify.checks import verify_checks
from pipeline.verify.columns import verify_columns
from pipeline.verify.content import verify_content
from pipeline.verify.counts import verify_counts
from pipeline.verify.evidence import Evidence, evidence_of
from pipeline.verify.foreign_keys import verify_foreign_keys
from pipeline.verify.keys import verify_keys
from pipeline.verify.rejects import verify_rejects
from pipeline.verify.required import verify_required
from pipeline.verify.sequences import verify_sequences
from pipeline.verify.subject import Subject, Verifier
from pipeline.verify.sums import with_sums
from pipeline.verify.views import verify_views

_COUNTS: tuple[Verifier, ...] = (verify_counts, verify_rejects)
_ALL: tuple[Verifier, ...] = (
    *_COUNTS,
    verify_columns,
    verify_required,
    verify_keys,
    verify_checks,
    verify_foreign_keys,
    verify_sequences,
    verify_content,
)


@dataclass(frozen=True, slots=True)
class Verified:
    """What the verifiers say of one moment of the target; no findings are a clean target."""

    level: Level
    findings: tuple[Finding, ...]
    evidence: tuple[Evidence, ...]
    """Of each table, where every cell was asked for; empty at a lower level."""


def verify(
    connection: Connection, subjects: Iterable[Subject], views: Iterable[View] = (), level: Level = Level.CONTENT
) -> Verified:
    """What every verifier of the level finds, table by table, then of the views.

    A table that is not completely loaded, or that is gone, has one finding that says so; of its own
    rows nothing more is asked.
    """
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read")
        return verify_here(connection, subjects, views, level)


def verify_here(connection: Connection, subjects: Iterable[Subject], views: Iterable[View], level: Level) -> Verified:
    """As `verify`, in the repeatable read transaction of the caller, who may write again afterwards."""
    findings: list[Finding] = []
    evidence: list[Evidence] = []
    with translated("verifying"), connection.transaction():
        asked = [_worded(connection, subject) for subject in subjects]
        wanted = {view: worded_view(connection, view) for view in views}
        connection.execute("set transaction read only")
        for subject in asked:
            verifiers = _COUNTS if level is Level.COUNTS else _verifiers(connection, subject)
            read = with_sums(connection, subject) if verify_content in verifiers else subject
            for verifier in verifiers:
                findings += verifier(connection, read)
            if level is Level.CONTENT:
                evidence.append(evidence_of(connection, read))
        if level is not Level.COUNTS:
            findings += verify_views(connection, wanted)
    return Verified(level, tuple(findings), tuple(evidence))


def _worded(connection: Connection, subject: Subject) -> Subject:
    target = subject.target
    computed = any(column.generated or column.default for column in target.columns)
    if target.checks or computed or any(index.partial for index in target.indexes):
        return replace(subject, worded=worded(connection, target))
    return subject


def _verifiers(connection: Connection, subject: Subject) -> tuple[Verifier, ...]:
    if subject.load is None:
        return (verify_counts,)
    if subject.load.state != "done":
        return _COUNTS
    if not table_exists(connection, subject.target):
        return (verify_rejects, verify_columns)
    return _ALL
