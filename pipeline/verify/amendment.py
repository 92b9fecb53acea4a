"""Which rows of a table would make its content the source's.

They are told by the hash of what they shall be and by where they stand, so that no more of their values is held than
one batch. Not by their locators: some sources give their rows in another order each time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.errors import SourceChanged, TargetError
from pipeline.outcome import Losses
from pipeline.postgres.digest import BUCKET, ROW, cell, differing, groups, summed
from pipeline.verify.among import without_equal
from pipeline.verify.differences import differences, differs, kept
from pipeline.verify.losses import NO_RULE
from pipeline.verify.sides import PART, PLACE, Arriving, Sides

NUMBER = "number"
_CELLS_AT_ONCE = 4_000_000
"""Of rows that are looked into. Only a hash of each is held, so that they can be more than where values are told."""


@dataclass(frozen=True, slots=True)
class Amendment:
    """Rows of the source that shall be written, and rows of the target that shall not stay as they are."""

    wanted: pl.Series
    """The hash of each. They are numbered on through the amendments of a table."""
    standing: pl.DataFrame
    """`tableoid`, `ctid`, and the number of the row that each becomes; none for an extra row."""
    changed: frozenset[str]
    """Columns in which a row of `standing` differs from what it becomes."""

    @property
    def deleted(self) -> int:
        return self.standing[NUMBER].null_count()

    @property
    def rewritten(self) -> int:
        return self.standing.height - self.deleted

    @property
    def inserted(self) -> int:
        return len(self.wanted) - self.rewritten


@dataclass(frozen=True, slots=True)
class Found:
    """Rows of a batch that are wanted: as they are loaded, their numbers, and what the mapping changed in them."""

    frame: pl.DataFrame
    numbers: pl.Series
    locators: pl.Series
    losses: tuple[Losses, ...]


def amendments(sides: Sides, *, shared: bool) -> Iterator[Amendment]:
    """One for each group of differing rows; in a table that is `shared` with others, extra rows are theirs.

    Raises TargetError where rows differ that wait in the quarantine, and SourceError.
    """
    ours = summed(arriving.rows for arriving in sides.source())
    buckets = differing(ours, summed(sides.target()))
    if shared:
        buckets = without_equal(sides, ours, buckets)
    first = 0
    for group in groups(buckets, _CELLS_AT_ONCE // len(sides.cells)):
        found = _amendment(sides, group, first, shared=shared)
        first += len(found.wanted)
        yield found


def find(sides: Sides, wanted: pl.Series) -> Iterator[Found]:
    """Read the source again for these rows, which are all of its table's; of equal ones, as many as are wanted.

    Raises SourceChanged where some are gone.
    """
    left = pl.DataFrame({ROW: wanted, NUMBER: pl.int_range(len(wanted), eager=True)})
    for arriving in sides.source():
        rows = _counted(arriving.rows.select(ROW, "locator").with_row_index("at"))
        here = rows.join(_counted(left), on=[ROW, "nth"], how="inner", maintain_order="left")
        if here.height:
            left = left.join(here, on=NUMBER, how="anti")
            yield _found(arriving, here)
    if left.height:
        raise SourceChanged(
            f"table {sides.table.name}: {left.height:,} rows of its source were not there when it was read again",
            hint="close what writes to the source, and run again",
        )


def _found(arriving: Arriving, here: pl.DataFrame) -> Found:
    ours = (losses.only(here["locator"]) for losses in arriving.losses)
    # What no rule explains is for verification to tell, and not for the ledger.
    losses = tuple(one for one in ours if len(one) and NO_RULE not in one.frame["rule"])
    return Found(arriving.frame[here["at"]], here[NUMBER], here["locator"], losses)


def _counted(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(nth=pl.int_range(pl.len()).over(ROW))


def _amendment(sides: Sides, buckets: Sequence[int], first: int, *, shared: bool) -> Amendment:
    none = _only(sides.empty, (), sides)
    source = [none, *(_only(arriving.rows, buckets, sides) for arriving in sides.source())]
    target = [none.with_columns(pl.lit(None, pl.String).alias(name) for name in (PART, PLACE))]
    target += [_only(frame, buckets, sides) for frame in sides.placed()]
    ours, theirs = pl.concat(source, how="diagonal"), pl.concat(target, how="diagonal")
    found = differences(ours, theirs, sides.cells, keyed=bool(sides.key))
    extra = found.extra.clear() if shared else found.extra
    pairs = found.paired.select(PART, PLACE, (pl.int_range(pl.len()) + first).alias(NUMBER))
    standing = pl.concat([pairs, extra.select(PART, PLACE, pl.lit(None, pl.Int64).alias(NUMBER))])
    _check_stands(sides, standing)
    columns = enumerate(sides.table.written_names)
    changed = frozenset(name for number, name in columns if found.paired.select(differs(cell(number)).any()).item())
    return Amendment(pl.concat([found.paired[ROW], found.missing[ROW]]), standing, changed)


def _only(frame: pl.DataFrame, buckets: Sequence[int], sides: Sides) -> pl.DataFrame:
    """The rows of these buckets, with the hashes of their cells alone."""
    return kept(frame.filter(pl.col(BUCKET).is_in(buckets)), sides.cells).drop(sides.cells)


def _check_stands(sides: Sides, standing: pl.DataFrame) -> None:
    """What waits in the quarantine is evidence of what arrived, and not ours to rewrite."""
    if waiting := standing[PLACE].null_count():
        raise TargetError(
            f"table {sides.table.name}: {waiting:,} rows that wait in the quarantine are not what the source has",
            hint="load the table again with: python -m pipeline migrate --restart",
        )
