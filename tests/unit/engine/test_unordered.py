"""A table whose rows have no order: what has arrived of an interrupted load is no beginning of the next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl
import pytest

from pipeline.batch import Batch, Position
from pipeline.catalog import Catalog
from pipeline.engine.run import Options
from pipeline.errors import SourceChanged, SourceError
from pipeline.postgres.connect import Target, connect
from tests.frames import FrameSource
from tests.unit.engine.test_run import ITEMS, items, migrate, rows

TABLE = replace(ITEMS, indexes=())
FRAME = items([(i, f"c{i}", f"{i}.5") for i in range(1, 21)])


@dataclass
class Unordered(FrameSource):
    """Gives its rows in another order each time, and no position to go on behind."""

    passes: int = 0
    last: int = 10**9
    """The batch of a pass before which the source goes away."""

    def batches(
        self, table: str, *, after: Position | None = None, batch_rows: int, columns: tuple[str, ...] | None = None
    ) -> Iterator[Batch]:
        assert after is None
        self.passes += 1
        shuffled = replace(self, frames={table: self.frames[table].sample(fraction=1, shuffle=True, seed=self.passes)})
        for number, batch in enumerate(FrameSource.batches(shuffled, table, batch_rows=batch_rows, columns=columns)):
            if number == self.last:
                raise SourceError("gone")
            yield replace(batch, position=Position(None))


def source(last: int = 10**9, frame: pl.DataFrame = FRAME) -> Unordered:
    return Unordered(Catalog((TABLE,)), {"Items": frame}, last=last)


@pytest.mark.parametrize("last", [0, 1, 3])
def test_the_load_begins_again(database: Target, last: int) -> None:
    with pytest.raises(SourceError, match="gone"):
        migrate(source(last), database, run_id="1", options=Options(5))
    migrate(source(), database, run_id="2", options=Options(7))
    with connect(database, application_name="t", autocommit=True) as connection:
        arrived = rows(connection, "select item_id from items order by item_id")
        counts = rows(connection, "select rows_read, state from _naru.load")
        batches = rows(connection, "select sum(rows_read) from _naru.batch")
    assert arrived == [(i,) for i in range(1, 21)]
    assert (counts, batches) == ([(20, "done")], [(20,)])


def test_a_load_that_is_done_is_not_begun_again(database: Target) -> None:
    migrate(source(), database, run_id="1")
    again = source()
    migrate(again, database, run_id="2")
    assert again.passes == 0


def test_another_source_is_refused_before_anything_is_taken_back(database: Target) -> None:
    with pytest.raises(SourceError, match="gone"):
        migrate(source(1), database, run_id="1", options=Options(5))
    with pytest.raises(SourceChanged):
        migrate(source(frame=FRAME.head(3)), database, run_id="2")
    with connect(database, application_name="t", autocommit=True) as connection:
        assert rows(connection, "select count(*) from items") == [(5,)]
