"""The table and every column of the plan stand in the target, of its type, and generated where it shall be."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.verify.subject import Subject


def verify_columns(connection: Connection, subject: Subject) -> Iterator[Finding]:
    found = read_table(connection, subject.target)
    if found is None:
        yield _finding(subject, "table", "the table does not exist")
        return
    standing = {column.name: column for column in found.columns}
    for column in subject.target.columns:
        if column.name not in standing:
            yield _finding(subject, column.name, "the column does not exist")
        elif standing[column.name].type != column.type:
            yield _finding(subject, column.name, f"the column is {standing[column.name].type}, not {column.type}")
        elif column.generated and not standing[column.name].generated:
            yield _finding(subject, column.name, "the column is not generated")


def _finding(subject: Subject, column: str, detail: str) -> Finding:
    return Finding("columns", subject.target.name, column, 1, detail)
