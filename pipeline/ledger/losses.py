"""Values that arrived otherwise than the source holds them, and by what rule; a write is in its caller's transaction.

A loss is of a row that the target holds. While its row waits in the quarantine it is not counted and not shown, which
is asked each time and stored nowhere: whatever moves a row in or out of the quarantine moves its losses.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import polars as pl

from pipeline.catalog import Column, SqlType, Table
from pipeline.ledger import values
from pipeline.outcome import Loss, Losses
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy import copy_in
from pipeline.postgres.records import records
from pipeline.postgres.sql import query, relation
from pipeline.postgres.wire import CopyEncoder
from pipeline.record import LossCount, StoredLoss

_TEXT = SqlType("text")
_TABLE = Table(
    "loss",
    (
        *(Column(name, _TEXT) for name in ("run_id", "target_schema", "target_table", "source_table")),
        Column("locator", SqlType("bigint")),
        Column("key", SqlType("json")),
        *(Column(name, _TEXT) for name in ("column_name", "target_column", "rule", "before", "after")),
    ),
    "_naru",
)
_ENCODER = CopyEncoder(_TABLE)


def add_losses(connection: Connection, run_id: str, target: Table, losses: Iterable[Losses]) -> None:
    """One COPY for each column of the batch, encoded column-wise."""
    for one in losses:
        place = (run_id, target.schema, target.name, one.table)
        names = (one.column, one.target_column)
        frame = as_stored(one).with_columns(
            *(pl.lit(text).alias(name) for name, text in zip(_TABLE.column_names[:4], place, strict=True)),
            *(pl.lit(text).alias(name) for name, text in zip(("column_name", "target_column"), names, strict=True)),
        )
        copy_in(connection, relation(_TABLE), _ENCODER, _ENCODER.encode(frame))


def as_stored(losses: Losses) -> pl.DataFrame:
    """`locator`, `key`, `rule`, `before` and `after` of each, as the ledger keeps them."""
    return losses.frame.select(
        pl.col("locator", "rule"),
        values.dumps_rows(losses.keys, len(losses)).alias("key"),
        # PostgreSQL's text holds no U+0000: it is shown as an escape.
        pl.col("before", "after").str.replace_all("\0", "\\u0000", literal=True),
    )


def forget_losses(connection: Connection, target: Table, locators: list[int]) -> None:
    """Of the rows at these places of the table's source, which are about to be written anew."""
    connection.execute(
        "delete from _naru.loss where (target_schema, target_table) = (%s, %s) and locator = any(%s)",
        [target.schema, target.name, locators],
    )


def loss_counts(connection: Connection, *, column: str | None = None, rule: str | None = None) -> list[LossCount]:
    """By table, column of the target and rule; of everything or of what is named, as `losses` has it."""
    statement = query("loss_counts").format(arrived_losses=query("arrived_losses"))
    return records(connection, LossCount, statement, {"column": column, "rule": rule})


def losses(
    connection: Connection,
    *,
    schema: str | None = None,
    table: str | None = None,
    column: str | None = None,
    rule: str | None = None,
    limit: int | None = None,
) -> Iterator[StoredLoss]:
    """Oldest first, of everything or of what is named; streamed, so inside a transaction.

    `column` is the target's name or the source's; `rule` is one of those that changed the value, or all of them.
    """
    wanted = {"schema": schema, "table": table, "column": column, "rule": rule, "limit": limit}
    with connection.cursor(name="naru_losses") as cursor:
        cursor.execute(query("losses").format(arrived_losses=query("arrived_losses")), wanted)
        for loss_id, run_id, target_schema, name, source, locator, key, *what in cursor:
            loss = Loss(source, locator, values.loads(key), *what)
            yield StoredLoss(loss_id, run_id, target_schema, name, loss)
