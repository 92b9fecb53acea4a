"""What a verification saw of one table, in sums that a proof can hold: no value of any row is in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.catalog import Table
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy_out import copy_out
from pipeline.postgres.digest import Total, cell, hashed, summed, whole
from pipeline.postgres.sql import SQL, Composed, Literal, query
from pipeline.verify.subject import Subject


@dataclass(frozen=True, slots=True)
class Kinds:
    """Rows of the ledger: how many of each kind, in words, and what they come to."""

    counts: Mapping[tuple[str, str], int]
    total: Total


@dataclass(frozen=True, slots=True)
class Evidence:
    source: str
    """The source's name of the table."""
    table: Table
    source_rows: int | None
    filtered: int
    others: bool
    """Whether rows of others stand in the table, so that its sum says nothing of ours."""
    rows: Total | None
    """Of the table; None where its cells were not compared, or are not ours alone."""
    rejects: Kinds
    """Those that wait, by stage and reason."""
    losses: Kinds
    """By column and rule."""


def evidence_of(connection: Connection, subject: Subject) -> Evidence:
    """In the transaction of the verifiers, so that both speak of one moment; reads the ledger alone."""
    sums = subject.sums
    return Evidence(
        subject.source,
        subject.target,
        subject.source_rows,
        subject.load.rows_filtered if subject.load else 0,
        subject.beside_others,
        whole(sums.standing) if sums and not subject.beside_others else None,
        _rejects(connection, subject.target) if subject.load else _nothing(),
        Kinds(sums.kinds, whole(sums.told)) if sums else _nothing(),
    )


def _nothing() -> Kinds:
    """Not a constant: the import would start the threads of polars, which most commands do without."""
    return Kinds({}, whole(summed([])))


def _rejects(connection: Connection, table: Table) -> Kinds:
    name = {"schema": table.schema, "table": table.name}
    counts = {(stage, why): count for stage, why, count in connection.execute(query("reject_kinds"), name)}
    cells = [cell(number) for number in range(5)]
    return Kinds(counts, whole(summed(hashed(texts, ()) for texts in copy_out(connection, _waiting(table), cells))))


def _waiting(table: Table) -> Composed:
    return SQL(
        "select stage, reason, locator, key, row_values from _naru.reject"
        " where (target_schema, target_table) = ({schema}, {name}) and replayed_at is null"
    ).format(schema=Literal(table.schema), name=Literal(table.name))
