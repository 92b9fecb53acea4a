"""All verifiers over all tables, in one read-only transaction: findings speak of one moment."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection, translated
from pipeline.verify.counts import verify_counts
from pipeline.verify.foreign_keys import verify_foreign_keys
from pipeline.verify.keys import verify_keys
from pipeline.verify.rejects import verify_rejects
from pipeline.verify.required import verify_required
from pipeline.verify.sequences import verify_sequences
from pipeline.verify.subject import Subject, Verifier

_COMPLETENESS: tuple[Verifier, ...] = (verify_counts, verify_rejects)
_STRUCTURE: tuple[Verifier, ...] = (verify_required, verify_keys, verify_foreign_keys, verify_sequences)


def verify(connection: Connection, subjects: Iterable[Subject]) -> tuple[Finding, ...]:
    """What every verifier finds, table by table; an empty result is a clean target.

    A table that is not completely loaded has one finding that says so, and is not asked further.
    """
    findings: list[Finding] = []
    with translated("verifying"), connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        for subject in subjects:
            verifiers = _COMPLETENESS
            if subject.load and subject.load.state == "done":
                verifiers += _STRUCTURE
            for verifier in verifiers:
                findings += verifier(connection, subject)
    return tuple(findings)
