"""Where the sequences of a database stand.

They belong to no transaction: what another session takes from one is seen at once, whatever snapshot one reads by. To
look at one keeps it from being dropped until the transaction ends.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.postgres.connect import Connection, translated
from pipeline.postgres.records import records
from pipeline.postgres.sql import SQL, Composed, Identifier, query

_AT_ONCE = 200
"""Sequences of one statement, which is parsed as deep as it has parts."""

Stand = tuple[int, bool]
"""The last number that a sequence gave, and True; or the first one that it will give, and False."""


@dataclass(frozen=True, slots=True)
class Sequence:
    schema: str
    name: str
    increment: int


def find_sequences(connection: Connection) -> list[Sequence]:
    with translated("looking for sequences"):
        return records(connection, Sequence, query("sequences"))


def stands(connection: Connection, sequences: list[Sequence]) -> list[Stand]:
    """Of each where it stands now; raises TargetError, as for one that the role may not read."""
    parts = [sequences[start : start + _AT_ONCE] for start in range(0, len(sequences), _AT_ONCE)]
    with translated("reading where the sequences stand"):
        return [(value, called) for part in parts for value, called in connection.execute(_statement(part))]


def _statement(sequences: list[Sequence]) -> Composed:
    each = (
        SQL("select {} as place, last_value, is_called from {}").format(place, Identifier(it.schema, it.name))
        for place, it in enumerate(sequences)
    )
    return SQL("select last_value, is_called from ({}) s order by place").format(SQL(" union all ").join(each))
