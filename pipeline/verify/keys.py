"""Primary keys, unique constraints and indexes of the plan stand, and no key is there twice."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.catalog import Index
from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, columns, known, relation
from pipeline.verify.subject import Subject


def verify_keys(connection: Connection, subject: Subject) -> Iterator[Finding]:
    found = read_table(connection, subject.target)
    if found is None:
        return
    for index in subject.target.indexes:
        if not any(_serves(standing, index) for standing in found.indexes):
            what = "primary key" if index.primary else "unique key" if index.unique else "index"
            yield _finding(subject, index, 1, f"the {what} on {', '.join(index.columns)} is not built")
        if index.unique and {*index.columns} <= {*found.column_names}:
            yield from _twice(connection, subject, index)


def _serves(standing: Index, wanted: Index) -> bool:
    if standing.ignore_nulls != wanted.ignore_nulls:  # one on a part of the rows does not hold for the others
        return False
    if wanted.ignore_nulls and standing.name != wanted.name:  # its condition is not read back, so the name decides
        return False
    return (
        standing.columns == wanted.columns and standing.unique >= wanted.unique and standing.primary >= wanted.primary
    )


def _twice(connection: Connection, subject: Subject, index: Index) -> Iterator[Finding]:
    statement = SQL(
        "select count(*), (array_agg(key))[1] from ("
        " select row({names})::text as key from {table} where {known} group by {names} having count(*) > 1) as twice"
    ).format(names=columns(index.columns), table=relation(subject.target), known=known(index.columns))
    count, first = one(connection, statement)
    if count:
        yield _finding(subject, index, count, f"{count:,} keys are there more than once, the first {first}")


def _finding(subject: Subject, index: Index, count: int, detail: str) -> Finding:
    return Finding("keys", subject.target.name, index.name, count, detail)
