"""No required column holds NULL, and PostgreSQL will see to it from now on."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, Identifier, relation
from pipeline.verify.subject import Subject


def verify_required(connection: Connection, subject: Subject) -> Iterator[Finding]:
    found = read_table(connection, subject.target)
    standing = {column.name: column for column in found.columns} if found else {}
    required = [column.name for column in subject.target.columns if not column.nullable]
    present = [name for name in required if name in standing]
    for name in present:
        if standing[name].nullable:
            yield _finding(subject, name, 1, "the column is required and the target allows NULL")
    if present:
        yield from _nulls(connection, subject, present)


def _nulls(connection: Connection, subject: Subject, names: list[str]) -> Iterator[Finding]:
    """One pass over the table for all its columns."""
    counts = SQL(", ").join(SQL("count(*) filter (where {} is null)").format(Identifier(name)) for name in names)
    statement = SQL("select {} from {}").format(counts, relation(subject.target))
    for name, count in zip(names, one(connection, statement), strict=True):
        if count:
            yield _finding(subject, name, count, f"{count:,} rows hold NULL")


def _finding(subject: Subject, column: str, count: int, detail: str) -> Finding:
    return Finding("required", subject.target.name, column, count, detail)
