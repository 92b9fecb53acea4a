"""What a server says of its database: the result sets of `queries/`, one at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from importlib import resources
from typing import Any

from pipeline.errors import StatementRefused
from pipeline.sources.mssql.clients.base import Client

Row = Mapping[str, Any]
Place = tuple[int, int]
"""Object and column of it; column 0 is the object itself."""
_UNKNOWN = {195, 207, 208, 4121}
"""Errors of a server that has no such function, column, view, or function of a schema."""


@cache
def statement(name: str) -> str:
    """The exact text of `queries/<name>.sql`."""
    return resources.files("pipeline.sources.mssql").joinpath("queries", f"{name}.sql").read_text("utf-8").strip()


class Answers:
    """Asks one server; remembers what it could not be asked."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.untold: list[str] = []
        """What it does not tell, in words."""

    def of(self, name: str) -> list[Row]:
        """Rows that every server gives; raises SourceError."""
        return list(self._client.rows(statement(name)))

    def where_told(self, name: str, what: str) -> list[Row]:
        """Rows that older servers and Babelfish do not have: none there. Raises SourceError for any other reason."""
        try:
            return self.of(name)
        except StatementRefused as error:
            if error.number not in _UNKNOWN:
                raise
            self.untold.append(what)
            return []


def place(row: Row) -> Place:
    return row["object_id"], row["column_id"]


def grouped(rows: Iterable[Row], key: str) -> Mapping[int, list[Row]]:
    """Rows by a number that they have, in their order."""
    groups: dict[int, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row[key]].append(row)
    return groups
