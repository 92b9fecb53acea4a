"""Columns of tables, put together from what several result sets say of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

from pipeline.catalog import Column, Identity, SqlType
from pipeline.sources.mssql.schema.answers import Answers, Place, Row, grouped, place
from pipeline.sources.mssql.schema.tables import SqlColumn
from pipeline.sources.mssql.schema.types import column_type, most_bytes
from pipeline.sources.sql_server import of_own_step

Note = Callable[[int, str | None, str], None]
"""Is told of a table, by its number, and a column what the user should know."""
_CODED = {"char", "varchar", "text"}
_LARGEST = 2**63 - 1
HIDDEN = "is not shown to this login: have VIEW DEFINITION granted to it"


class Columns:
    """The columns of each table; tells of what is not carried as it is."""

    def __init__(
        self, answers: Answers, collation: str, internal: Collection[Place], unreadable: Mapping[Place, str], note: Note
    ) -> None:
        self._collation, self._unreadable, self._note = collation, unreadable, note
        self._rows = grouped((row for row in answers.of("columns") if place(row) not in internal), "object_id")
        self._computed = {place(row): row["definition"] for row in answers.of("computed_columns")}
        self._defaults = {place(row): row["definition"] for row in answers.of("defaults")}
        self._identities = {row["object_id"]: row for row in answers.of("identities")}
        self._pages = {row["collation_name"]: row["code_page"] for row in answers.of("code_pages")}
        self._comments = {place(row): row["text"] for row in answers.where_told("comments", "descriptions")}

    def comment(self, table: int) -> str | None:
        return self._comments.get((table, 0))

    def names(self, table: int) -> dict[int, str]:
        """By their numbers, in their order."""
        return {row["column_id"]: row["name"] for row in self._rows.get(table, ())}

    def declared(self, table: int) -> Iterator[Column]:
        """As the catalog has them."""
        return map(self._column, self._rows.get(table, ()))

    def read(self, table: int) -> Iterator[SqlColumn]:
        """What a SELECT has to know of them."""
        for row in self._rows.get(table, ()):
            type = column_type(row)
            page = self._pages.get(row["collation_name"]) if type.name in _CODED else None
            yield SqlColumn(row["name"], type, page or None, most_bytes(row))

    def _column(self, row: Row) -> Column:
        type, here = column_type(row), place(row)
        self._tell(row, type)
        return Column(
            row["name"],
            type,
            nullable=bool(row["is_nullable"]),
            identity=self._identity(row) if row["is_identity"] else None,
            default=self._definition(row, self._defaults, "its default"),
            comment=self._comments.get(here),
            calculated=self._definition(row, self._computed, "how it is computed"),
            collation=self._own_collation(row),
            unreadable=self._unreadable.get(here),
        )

    def _definition(self, row: Row, definitions: Mapping[Place, str | None], what: str) -> str | None:
        here = place(row)
        if here in definitions and definitions[here] is None:
            self._note(row["object_id"], row["name"], f"{what} {HIDDEN}")
        return definitions.get(here)

    def _identity(self, row: Row) -> Identity:
        told = self._identities.get(row["object_id"])
        if told is None or None in (told["seed"], told["step"], told["last"]):
            self._note(row["object_id"], row["name"], "where it counts on is not told: after the highest that arrives")
            return Identity()
        step = int(told["step"])
        if step != 1:
            self._note(row["object_id"], row["name"], of_own_step(str(step)))
        return Identity(_next(int(told["seed"]), step, int(told["last"])))

    def _own_collation(self, row: Row) -> str | None:
        name: str | None = row["collation_name"]
        return None if name == self._collation else name

    def _tell(self, row: Row, type: SqlType) -> None:
        if collation := self._own_collation(row):
            self._note(row["object_id"], row["name"], f"its collation is {collation}, which is not the database's")
        if type.name == "datetimeoffset":
            text = "arrives as the moment that it means; its offset is left, and a loss, unless it says `offset: keep`"
            self._note(row["object_id"], row["name"], text)


def _next(seed: int, step: int, last: int) -> int | None:
    """The number after the last; None where PostgreSQL, which counts upwards in 64 bits, cannot go on from there.

    The server says the seed before the first row and after it: then the seed, as rows that have it count by themselves.
    """
    after = last if last == seed else last + step
    return after if step > 0 and after <= _LARGEST else None
