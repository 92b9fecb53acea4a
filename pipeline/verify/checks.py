"""Every check of the plan stands in the target, validated, and no row breaks it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalog import Check
from pipeline.mapping.conditions import named_columns
from pipeline.outcome import Finding
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.sql import SQL, relation
from pipeline.verify.subject import Subject


def verify_checks(connection: Connection, subject: Subject) -> Iterator[Finding]:
    found = read_table(connection, subject.target)
    if found is None:
        return
    built = {check.name: check for check in found.checks}
    for check in subject.target.checks:
        if check.name not in built:
            yield _finding(subject, check, 1, "the check is not built")
        elif not built[check.name].enforced:
            yield _finding(subject, check, 1, "the constraint is not valid")
        if {*named_columns(check.expression)} <= {*found.column_names}:
            yield from _breakers(connection, subject, check)


def _breakers(connection: Connection, subject: Subject, check: Check) -> Iterator[Finding]:
    statement = SQL("select count(*) from {} where not ({})").format(
        relation(subject.target), ddl.condition(check.expression)
    )
    row = connection.execute(statement).fetchone()
    assert row is not None, "count(*) has one row"
    if row[0]:
        yield _finding(subject, check, row[0], f"{row[0]:,} rows break it")


def _finding(subject: Subject, check: Check, count: int, detail: str) -> Finding:
    return Finding("checks", subject.target.name, check.name, count, detail)
