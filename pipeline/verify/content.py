"""Every cell of the source, as the mapping changes it, is in the target, and nothing else is.

Both sides are read once and come to equal sums, or are read again for the rows of the buckets whose sums differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import read_table
from pipeline.verify.differences import differences, kept
from pipeline.verify.digest import BUCKET, differing, groups
from pipeline.verify.sides import Sides
from pipeline.verify.subject import Subject
from pipeline.verify.sums import read_once
from pipeline.verify.wording import EXTRA, Rules, Told, Wording

_CELLS_AT_ONCE = 500_000
"""Of rows that are looked into: some 250 MB where each value is long."""


def verify_content(connection: Connection, subject: Subject) -> Iterator[Finding]:
    if subject.content is None or not subject.target.written:
        return
    found = read_table(connection, subject.target)
    lacking = [name for name in subject.target.written_names if found and name not in found.column_names]
    if found is None or lacking:
        yield _finding(subject, "table", 1, f"not compared: the target lacks {', '.join(lacking) or 'the table'}")
        return
    sides = Sides(connection, subject.target, subject.content)
    sums = read_once(sides)
    buckets = differing(sums.source, sums.target)
    left = groups(buckets, _CELLS_AT_ONCE // len(sides.cells))
    while left:
        told = _look_into(sides, left.pop(0), others=_holds_others(subject))
        for what, count, samples in told:
            more = " or more" if left else ""
            yield _finding(subject, what, count, f"{count:,}{more}, {'; '.join(samples)}")
        if told:
            return  # the other buckets would tell more of the same
    if buckets.height and not _holds_others(subject):
        yield _finding(subject, "rows", 1, "what differed at first was equal when it was read again: compare once more")


def _holds_others(subject: Subject) -> bool:
    """Whether rows of others stand in the target, among which ours have to be."""
    load = subject.load
    return load is not None and load.rows_before > load.rows_updated


def _look_into(sides: Sides, buckets: Sequence[int], *, others: bool) -> list[Told]:
    """What differs among the rows of these buckets; `others` may have put rows beside ours."""
    source, rules = _kept_source(sides, buckets)
    target = [kept(_only(frame, buckets), sides.cells) for frame in sides.target()]
    found = differences(source, pl.concat([_none(sides), *target]), sides.cells, keyed=bool(sides.key))
    wording = Wording(sides.table.written, sides.key, rules)
    return [told for told in wording.tell(found) if not (others and told[0] == EXTRA)]


def _kept_source(sides: Sides, buckets: Sequence[int]) -> tuple[pl.DataFrame, Rules]:
    """The rows of these buckets, and what the mapping changed in them."""
    frames = [_none(sides).with_columns(locator=pl.lit(None, pl.Int64))]
    rules: dict[tuple[object, str], str] = {}
    for frame, batch in sides.source():
        rows = _only(frame, buckets)
        frames.append(kept(rows, sides.cells))
        for losses in batch.losses:
            ours = losses.frame.filter(pl.col("locator").is_in(rows["locator"].implode()))
            rules |= {(locator, losses.target_column): rule for locator, rule in ours.select("locator", "rule").rows()}
    return pl.concat(frames, how="diagonal"), rules


def _only(frame: pl.DataFrame, buckets: Sequence[int]) -> pl.DataFrame:
    return frame.filter(pl.col(BUCKET).is_in(buckets))


def _none(sides: Sides) -> pl.DataFrame:
    """No rows, in the shape that those of the target are kept in."""
    return kept(sides.empty, sides.cells)


def _finding(subject: Subject, what: str, count: int, detail: str) -> Finding:
    return Finding("content", subject.target.name, what, count, detail)
