"""Every relationship of the plan stands in the target, reacts as it shall, is valid and awake, and no row breaks it.

One that the mapping says is `not_valid` has to stand; rows that break it are told, and no fault.

The rows are asked themselves: a constraint that is marked valid proves nothing about a table that
was changed with triggers off.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from pipeline.catalog import ForeignKey, Table
from pipeline.outcome import Finding
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table, sleeping_keys
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL, columns, known, pairs, relation, text
from pipeline.verify.subject import Subject


def verify_foreign_keys(connection: Connection, subject: Subject) -> Iterator[Finding]:
    found = read_table(connection, subject.target)
    if found is None:
        return
    sleeping = sleeping_keys(connection, subject.target)
    built = {(key.columns, key.parent, key.parent_columns): key for key in found.foreign_keys}
    for key in subject.target.foreign_keys:
        standing = built.get((key.columns, key.parent, key.parent_columns))
        if standing is None:
            yield _finding(subject, key, 1, f"the relationship to {key.parent} is not built")
        elif key.enforced and not standing.enforced:
            yield _finding(subject, key, 1, "the constraint is not valid")
        elif standing.name in sleeping:
            yield _finding(subject, key, 1, "its triggers are disabled, so that PostgreSQL holds no row to it")
        if standing is not None and _reactions(standing) != _reactions(key):
            yield _finding(subject, key, 1, f"the relationship is {_reactions(standing)}, not {_reactions(key)}")
        if {*key.columns} <= {*found.column_names}:
            yield from _orphans(connection, subject, key)


def _reactions(key: ForeignKey) -> str:
    return f"on update {key.on_update.value}, on delete {key.on_delete.value}"


def _orphans(connection: Connection, subject: Subject, key: ForeignKey) -> Iterator[Finding]:
    parent = Table(key.parent, (), subject.target.schema)
    other = read_table(connection, parent)
    if other is None or not {*key.parent_columns} <= {*other.column_names}:
        return  # a finding of the parent's own
    statement = SQL(
        "select count(*), (array_agg(row({names})::text))[1] from {child} c"
        " where {known} and not exists (select from {parent} p where {join})"
    ).format(
        names=columns(key.columns, of="c"),
        child=relation(subject.target),
        known=known(key.columns, of="c"),
        parent=relation(parent),
        join=pairs("p", key.parent_columns, "c", key.columns),
    )
    count, first = one(connection, statement)
    if count:
        detail = f"{count:,} rows name no row of {key.parent}, the first {first}"
        yield _finding(subject, key, count, detail) if key.enforced else _allowed(subject, key, count, detail)


def _finding(subject: Subject, key: ForeignKey, count: int, detail: str) -> Finding:
    return Finding("foreign_keys", subject.target.name, key.name, count, detail)


def _allowed(subject: Subject, key: ForeignKey, count: int, detail: str) -> Finding:
    statement = text(ddl.validate_constraint(subject.target, key.name))
    told = f"{detail}; not_valid lets them stay. When they are mended: {statement}"
    return replace(_finding(subject, key, count, told), allowed=True)
