"""Columns whose values a login is not given, or given wrongly: only the catalog can tell."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from pipeline.sources.mssql.schema.answers import Answers, Place, Row, place

_INTERNAL = {1, 3, 4, 6, 7}
"""Graph types of the numbers behind $node_id, $from_id and $to_id."""


def internal_columns(answers: Answers) -> set[Place]:
    """Those that no statement can name."""
    rows = answers.where_told("graph_columns", "graph tables")
    return {place(row) for row in rows if row["graph_type"] in _INTERNAL}


def unreadable_columns(answers: Answers, kinds: Collection[Row], login: str) -> Mapping[Place, str]:
    """Why the server does not give the values of a column as they are."""
    rows = answers.where_told("refused_columns", "which tables this login may read")
    refused = {place(row): f"this login may not read it: have SELECT on it granted to {login}" for row in rows}
    return {**refused, **dict(_disguised(kinds, login))}


def _disguised(kinds: Collection[Row], login: str) -> Iterator[tuple[Place, str]]:
    for row in kinds:
        if row["encryption_type"] is not None:
            yield place(row), "is encrypted with a key that the server does not have (Always Encrypted)"
        elif row["is_masked"] and not row["sees_unmasked"]:
            yield place(row), f"the server masks its values before this login: have UNMASK granted to {login}"
