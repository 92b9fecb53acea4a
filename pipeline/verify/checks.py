"""Every check of the plan stands in the target with what it says, validated, and no row breaks it."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalog import Check, Table
from pipeline.mapping.conditions import named_columns
from pipeline.outcome import Finding
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.records import one
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
        if check.name in built:
            yield from _otherwise(subject, built[check.name])
        if {*named_columns(check.expression)} <= {*found.column_names}:
            yield from _breakers(connection, subject, check)


def _otherwise(subject: Subject, standing: Check) -> Iterator[Finding]:
    """Whether the check that stands under the name is another one."""
    if not isinstance(subject.worded, Table):
        yield _finding(subject, standing, 1, f"what it says cannot be compared: {subject.worded}")
        return
    wanted = next(check.expression for check in subject.worded.checks if check.name == standing.name)
    if standing.expression != wanted:
        yield _finding(subject, standing, 1, f"the check is {standing.expression}, not {wanted}")


def _breakers(connection: Connection, subject: Subject, check: Check) -> Iterator[Finding]:
    statement = SQL("select count(*) from {} where not ({})").format(
        relation(subject.target), ddl.condition(check.expression)
    )
    (count,) = one(connection, statement)
    if count:
        yield _finding(subject, check, count, f"{count:,} rows break it")


def _finding(subject: Subject, check: Check, count: int, detail: str) -> Finding:
    return Finding("checks", subject.target.name, check.name, count, detail)
