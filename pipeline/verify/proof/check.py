"""A target held against a proof: its tables alone are read, so that neither source nor ledger need be there."""

from __future__ import annotations

from dataclasses import replace

from pipeline.catalog import Column, SqlType, Table
from pipeline.errors import UsageError
from pipeline.outcome import Agreement, Rechecked, Verdict
from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.digest import Total, summed, whole
from pipeline.postgres.introspect import read_table
from pipeline.verify.proof.document import Proof, ProvenTable
from pipeline.verify.sides import table_rows


def check_proof(connection: Connection, proof: Proof) -> tuple[Rechecked, ...]:
    """Every table of the proof, as they all are at one moment; reads only.

    Raises TargetError, and UsageError for a proof that proves nothing: that of a verification which found differences.
    """
    if proof.verdict is not Verdict.COMPLETE:
        raise UsageError(
            f"the proof of run {proof.run} proves nothing: its verdict is {proof.verdict}, findings {proof.findings:,}",
            hint="mend what verification found, verify again, and take the proof of that run",
        )
    with connection.transaction():
        connection.execute("set transaction isolation level repeatable read, read only")
        return tuple(_check(connection, table) for table in proof.tables)


def _check(connection: Connection, proven: ProvenTable) -> Rechecked:
    name = f"{proven.schema_name}.{proven.name}"
    with translated(f"reading table {name}"):
        standing = read_table(connection, Table(proven.name, (), proven.schema_name))
        told = Rechecked(name, Agreement.UNCHECKED, proven.rows, None)
        if standing is None:
            return replace(told, agreement=Agreement.MISSING, detail="the table does not exist")
        if wrong := _other_columns(proven, standing):
            return replace(told, agreement=Agreement.DIFFERS, detail="; ".join(wrong))
        if proven.rows is None:
            return replace(told, detail=_why_unproven(proven))
        columns = tuple(Column(name, standing.column(name).type) for name in _names(proven))
        found = whole(summed(table_rows(connection, replace(standing, columns=columns))))
    if found == Total(proven.rows, proven.hash or ""):
        return replace(told, agreement=Agreement.EQUAL, rows_found=found.rows)
    detail = "other rows" if found.rows != proven.rows else "as many rows, and not the same values"
    return replace(told, agreement=Agreement.DIFFERS, rows_found=found.rows, detail=detail)


def _names(proven: ProvenTable) -> list[str]:
    return [column.name for column in proven.columns]


def _other_columns(proven: ProvenTable, standing: Table) -> list[str]:
    types: dict[str, SqlType] = {column.name: column.type for column in standing.written}
    missing = [f"column {name} does not exist, or is generated" for name in _names(proven) if name not in types]
    return missing + [
        f"column {column.name} is {types[column.name]}, not {column.type}"
        for column in proven.columns
        if column.name in types and str(types[column.name]) != column.type
    ]


def _why_unproven(proven: ProvenTable) -> str:
    return "rows of others stood in it: no sum is of ours alone" if proven.others else "it has no column to compare"
