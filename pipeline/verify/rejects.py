"""Rows in the quarantine did not arrive: each reason is a finding until they are replayed."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import query
from pipeline.verify.subject import Subject


def verify_rejects(connection: Connection, subject: Subject) -> Iterator[Finding]:
    name = {"schema": subject.target.schema, "table": subject.target.name}
    for reason, count, detail in connection.execute(query("rejects_by_reason"), name):
        yield Finding(
            "rejects", subject.target.name, reason, count, f"{count:,} rows in quarantine, the first: {detail}"
        )
