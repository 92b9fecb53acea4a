"""The two sides of a table's content, each as frames of the same texts, and independent of what loaded it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.catalog import Table
from pipeline.ledger import values
from pipeline.outcome import Losses
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy_out import copy_out, normal_texts
from pipeline.postgres.digest import cell, hashed
from pipeline.postgres.sql import SQL, Composed, Literal, columns, query, relation
from pipeline.transform.chain import Transformed
from pipeline.verify.losses import without_rule
from pipeline.verify.spelling import source_spelling, target_spelling
from pipeline.verify.subject import Content

PART, PLACE = "tableoid", "ctid"
"""Where PostgreSQL has a row: in which table or partition of it, and where there."""


@dataclass(frozen=True, slots=True)
class Arriving:
    """What of a batch shall be in the target."""

    rows: pl.DataFrame
    """As `hashed` gives them, with their `locator`."""
    losses: tuple[Losses, ...]
    """What is changed in these rows, by a rule of the mapping or, so that it is found, by none."""
    frame: pl.DataFrame
    """The same rows as they are loaded, whole."""


@dataclass(frozen=True, slots=True)
class _Locators:
    """Rows of a source in one order each time."""

    waiting: pl.Series

    def without(self, batch: Transformed) -> pl.Series:
        """Which rows of the batch do not wait."""
        return ~batch.origin.locators.is_in(self.waiting.implode())


@dataclass(frozen=True, slots=True)
class _Rows:
    """Rows of a source without an order: they are told by all their values, and each takes away one of its equals."""

    waiting: Counter[str]

    def without(self, batch: Transformed) -> pl.Series:
        """Which rows of the batch do not wait; of one reading, each batch once."""
        return pl.Series(
            [not self._meets(values.dumps(row)) for row in batch.origin.frame.iter_rows(named=True)], dtype=pl.Boolean
        )

    def _meets(self, row: str) -> bool:
        if not self.waiting[row]:
            return False
        self.waiting[row] -= 1
        return True


@dataclass(frozen=True, slots=True)
class Sides:
    """Reads a table's written columns on both sides, as `hashed` gives them."""

    connection: Connection
    table: Table
    content: Content
    ordered: bool
    """Whether a locator tells a row of the source: not where its rows have no order."""

    @property
    def cells(self) -> list[str]:
        return [cell(number) for number in range(len(self.table.written))]

    @property
    def empty(self) -> pl.DataFrame:
        """No rows, as the target gives them."""
        return hashed(pl.DataFrame(schema=dict.fromkeys(self.cells, pl.String())), self.key)

    @property
    def key(self) -> tuple[str, ...]:
        """Cells that tell a row: of the primary key; none where there is no key, or PostgreSQL computes some of it."""
        names = self.table.written_names
        key = self.table.primary_key
        return tuple(cell(names.index(name)) for name in key) if {*key} <= {*names} else ()

    @property
    def asks(self) -> bool:
        """Whether PostgreSQL spells some of the source's values, so that no COPY may be under way meanwhile."""
        return any(source_spelling(column.type) is None for column in self.table.written)

    def source(self) -> Iterator[Arriving]:
        """Rows that shall have arrived, in batches as they were read."""
        waiting = self._waiting()
        for batch in self.content.read():
            frame, locators = batch.frame, batch.origin.locators
            losses = (*batch.losses, *without_rule(batch, self.content.carried))
            if waiting:
                arriving = waiting.without(batch)
                losses = tuple(one.without(locators.filter(~arriving)) for one in losses)
                frame, locators = frame.filter(arriving), locators.filter(arriving)
            if frame.height:
                cells = [self._spelled(number, frame[column.name]) for number, column in enumerate(self.table.written)]
                yield Arriving(hashed(pl.DataFrame([*cells, locators.alias("locator")]), self.key), losses, frame)

    def target(self) -> Generator[pl.DataFrame, None, None]:
        """Rows that have arrived, wherever they are now."""
        yield from self.standing()
        yield from self.removed()

    def standing(self) -> Generator[pl.DataFrame, None, None]:
        """Rows of the table."""
        return table_rows(self.connection, self.table, self.key)

    def removed(self) -> Generator[pl.DataFrame, None, None]:
        """Rows that arrived and were taken out for breaking a constraint; they wait in the quarantine."""
        found = copy_out(self.connection, self._taken_out(), self.cells)
        return (_hashed(self.table, texts, self.key) for texts in found)

    def placed(self) -> Iterator[pl.DataFrame]:
        """As `target`, with `part` and `place` of each row, by which its transaction finds it; NULL in quarantine."""
        for rows in (_standing(self.table, PART, PLACE), self._taken_out(PART, PLACE)):
            for texts in copy_out(self.connection, rows, [*self.cells, PART, PLACE]):
                rest = _hashed(self.table, texts.select(self.cells), self.key)
                yield rest.with_columns(texts[PART], texts[PLACE])

    def _spelled(self, number: int, cells: pl.Series) -> pl.Series:
        type = self.table.written[number].type
        spell = source_spelling(type)
        texts = normal_texts(self.connection, type, cells) if spell is None else spell(cells)
        return texts.alias(cell(number))

    def _waiting(self) -> _Locators | _Rows | None:
        """Rows that were refused before they arrived."""
        name = {"schema": self.table.schema, "table": self.table.name}
        found = self.connection.execute(query("refused_rows"), name)
        if self.ordered:
            locators = pl.Series([locator for locator, _ in found], dtype=pl.Int64)
            return _Locators(locators) if len(locators) else None
        rows = Counter(row_values for _, row_values in found)
        return _Rows(rows) if rows else None

    def _taken_out(self, *lacking: str) -> Composed:
        """With NULL for columns that only a table's rows have."""
        return SQL(
            "select {names} from _naru.reject r, json_populate_record(null::{table}, r.row_values) as t"
            " where r.stage = 'constraint' and r.replayed_at is null"
            " and (r.target_schema, r.target_table) = ({schema}, {name})"
        ).format(
            names=SQL(", ").join([columns(self.table.written_names, of="t"), *(SQL("null") for _ in lacking)]),
            table=relation(self.table),
            schema=Literal(self.table.schema),
            name=Literal(self.table.name),
        )


def table_rows(connection: Connection, table: Table, key: Sequence[str] = ()) -> Generator[pl.DataFrame, None, None]:
    """What stands in the written columns of a table, as `hashed` gives it."""
    cells = [cell(number) for number in range(len(table.written))]
    return (_hashed(table, texts, key) for texts in copy_out(connection, _standing(table), cells))


def _standing(table: Table, *system: str) -> Composed:
    """With these columns of PostgreSQL's own."""
    return SQL("select {} from {}").format(columns([*table.written_names, *system]), relation(table))


def _hashed(table: Table, texts: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    spell = [target_spelling(column.type) for column in table.written]
    return hashed(pl.DataFrame([how(cells) for how, cells in zip(spell, texts, strict=True)]), key)
