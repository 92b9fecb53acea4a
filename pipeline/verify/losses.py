"""Every value that the mapping changed is a loss in the ledger, and every loss there is such a value.

So a difference between source and target is intended and told, or found. The two lists are compared as the rows are: by
sums of hashes, and where these differ, one by one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from pipeline.catalog import Table
from pipeline.ledger import values
from pipeline.ledger.losses import as_stored
from pipeline.outcome import Losses
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy_out import copy_out
from pipeline.postgres.digest import hashed
from pipeline.postgres.sql import SQL, Literal
from pipeline.transform.chain import Transformed
from pipeline.transform.spelling import spelled
from pipeline.verify.differences import Differences
from pipeline.verify.wording import SAMPLES, Row, Told

NO_RULE = "no rule"
CELLS = ("place", "column", "rule", "before", "after")
"""Of a loss. `place` tells its row: by the source's key, or by the locator where there is none."""
CHANGE = ("rule", "before", "after")
"""What happened to it."""
_KEY = ("place", "column")
_NO_KEY = "{}"


def without_rule(batch: Transformed, carried: Mapping[str, str]) -> Iterator[Losses]:
    """Values that are not those of the source, and of which no loss tells."""
    origin = batch.origin
    told = {losses.target_column: losses.frame["locator"] for losses in batch.losses}
    for target, source in carried.items():
        before, after = origin.frame[source], batch.frame[target]
        changed = _comparable(before).ne_missing(_comparable(after))
        if changed.any() and target in told:
            changed &= ~origin.locators.is_in(told[target].implode())
        if changed.any():
            rows = changed.arg_true()
            texts = {"before": spelled(before.gather(rows)), "after": spelled(after.gather(rows))}
            frame = pl.DataFrame({"locator": origin.locators.gather(rows), "rule": NO_RULE, **texts})
            yield Losses(origin.table, source, target, frame, origin.frame[rows].select(origin.key))


def _comparable(values: pl.Series) -> pl.Series:
    """-0.0 is not 0.0."""
    if not values.dtype.is_float():
        return values
    return values.reinterpret(dtype=pl.Int32() if values.dtype == pl.Float32 else pl.Int64())


@dataclass(frozen=True, slots=True)
class Ledgered:
    """The losses of a table as frames of the same texts, whether they are made or told; `hashed` gives their sums."""

    connection: Connection
    table: Table
    ordered: bool
    """Whether a locator tells a row: not where the source's rows have no order."""

    @property
    def empty(self) -> pl.DataFrame:
        return hashed(pl.DataFrame(schema=dict.fromkeys(CELLS, pl.String())), _KEY)

    def made(self, losses: Losses) -> pl.DataFrame:
        """Those of one column of a batch."""
        stored = as_stored(losses)
        locator = pl.col("locator").cast(pl.String) if self.ordered else pl.lit(None, pl.String)
        place = pl.when(pl.col("key") != _NO_KEY).then("key").otherwise(locator)
        return hashed(stored.select(place.alias("place"), pl.lit(losses.target_column).alias("column"), *CHANGE), _KEY)

    def told(self) -> Iterator[pl.DataFrame]:
        """Those of the ledger; raises TargetError."""
        rows = SQL(
            "select case when key::text <> {none} then key::text else {locator} end, target_column, rule, before, after"
            " from _naru.loss where (target_schema, target_table) = ({schema}, {name})"
        ).format(
            none=Literal(_NO_KEY),
            locator=SQL("locator::text" if self.ordered else "null"),
            schema=Literal(self.table.schema),
            name=Literal(self.table.name),
        )
        for texts in copy_out(self.connection, rows, CELLS):
            yield hashed(texts, _KEY)


def tell(found: Differences) -> list[Told]:
    """Column by column: what is changed and not told, told and not changed, and told otherwise."""
    kinds = (
        (found.missing, "changed by the mapping, and not in the ledger", _made),
        (found.extra, "in the ledger, and not changed by the mapping", _made),
        (found.paired, "changed otherwise than the ledger tells", _made_otherwise),
    )
    return [
        (str(column), part.height, _samples(what, map(sample, part.head(SAMPLES).iter_rows(named=True))))
        for losses, what, sample in kinds
        for (column,), part in losses.partition_by("column", maintain_order=True, as_dict=True).items()
    ]


def _samples(what: str, texts: Iterable[str]) -> list[str]:
    first, *others = texts
    return [f"{what}: {first}", *others]


def _made(row: Row) -> str:
    return f"at {_place(row['place'])}: {_change(row, '')}"


def _made_otherwise(row: Row) -> str:
    return f"{_made(row)}, the ledger tells {_change(row, '_right')}"


def _change(row: Row, side: str) -> str:
    before, after = row[f"before{side}"], row[f"after{side}"]
    return f"{_shown(before)} became {_shown(after)} by {row[f'rule{side}']}"


def _shown(text: object) -> str:
    return "NULL" if text is None else repr(text)


def _place(place: object) -> str:
    if place is None:
        return "a row without a key"
    text = str(place)
    if not text.startswith("{"):
        return f"row {text} of the source"
    return ", ".join(f"{name}={value}" for name, value in values.loads(text).items())
