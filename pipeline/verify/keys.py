"""Primary keys, unique constraints and indexes of the plan stand, and no key is there twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.catalog import Index, Table
from pipeline.mapping.conditions import named_columns
from pipeline.outcome import Finding
from pipeline.postgres import ddl
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
        if index.partial and not isinstance(subject.worded, Table):
            yield _finding(subject, index, 1, f"which rows it holds cannot be compared: {subject.worded}")
        elif not any(_serves(standing, _worded(subject, index)) for standing in found.indexes):
            yield _finding(subject, index, 1, f"the {_shown(index)} is not built")
        if index.unique and {*index.columns, *named_columns(index.predicate or "true")} <= {*found.column_names}:
            yield from _twice(connection, subject, index)


def _worded(subject: Subject, index: Index) -> Index:
    """The index with its predicate in PostgreSQL's words."""
    told = subject.worded.indexes if isinstance(subject.worded, Table) else ()
    return replace(index, predicate=next((one.predicate for one in told if one.name == index.name), None))


def _serves(standing: Index, wanted: Index) -> bool:
    """One on a part of the rows does not hold for the others, and one on all of them is not what was asked for."""
    return (
        standing.columns == wanted.columns
        and standing.predicate == wanted.predicate
        and {*standing.included} >= {*wanted.included}
        and standing.unique >= wanted.unique
        and standing.primary >= wanted.primary
    )


def _shown(index: Index) -> str:
    what = "primary key" if index.primary else "unique key" if index.unique else "index"
    included = f" with {', '.join(index.included)}" if index.included else ""
    limits = f" where {index.predicate}" if index.predicate else ""
    return f"{what} on {', '.join(index.columns)}{included}{limits}"


def _twice(connection: Connection, subject: Subject, index: Index) -> Iterator[Finding]:
    statement = SQL(
        "select count(*), (array_agg(key))[1] from ("
        " select row({names})::text as key from {table}"
        " where {known} and ({among}) group by {names} having count(*) > 1) as twice"
    ).format(
        names=columns(index.columns),
        table=relation(subject.target),
        known=known(index.columns),
        among=ddl.condition(index.predicate or "true"),
    )
    count, first = one(connection, statement)
    if count:
        yield _finding(subject, index, count, f"{count:,} keys are there more than once, the first {first}")


def _finding(subject: Subject, index: Index, count: int, detail: str) -> Finding:
    return Finding("keys", subject.target.name, index.name, count, detail)
