"""The next number of an identity column is one that no row has."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.postgres.sql import Identifier, Literal, query, relation, text
from pipeline.verify.subject import Subject


def verify_sequences(connection: Connection, subject: Subject) -> Iterator[Finding]:
    found = read_table(connection, subject.target)
    standing = found.column_names if found else ()
    for column in subject.target.columns:
        if column.identity is None or column.name not in standing:
            continue
        table = relation(subject.target)
        statement = query("sequence_behind").format(
            column=Identifier(column.name), table=table, relation=Literal(text(table)), name=Literal(column.name)
        )
        row = connection.execute(statement).fetchone()
        if row is None:
            yield _finding(subject, column.name, "the column numbers no new rows: it has no sequence")
            continue
        following, highest, known, sequence = row
        if not known:
            detail = f"not verified: this user may not read its sequence; `grant select on sequence {sequence}`"
            yield _finding(subject, column.name, detail)
        elif following is None:
            yield _finding(subject, column.name, "the column numbers no new rows: its sequence has no numbers left")
        elif following <= highest:
            yield _finding(subject, column.name, f"the next number is {following:,}, and {highest:,} is in use")


def _finding(subject: Subject, column: str, detail: str) -> Finding:
    return Finding("sequences", subject.target.name, column, 1, detail)
