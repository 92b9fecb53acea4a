"""Every cell of the source, as the mapping changes it, is in the target, and nothing else is.

Both sides are read once and come to equal sums, or are read again for the rows of the buckets whose sums differ. What
the mapping changes is held against the ledger in the same reading.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from pipeline.outcome import Finding
from pipeline.postgres.connect import Connection
from pipeline.postgres.digest import BUCKET, differing, groups
from pipeline.verify.among import without_equal
from pipeline.verify.differences import differences, folded, kept, unfolded
from pipeline.verify.losses import CELLS, CHANGE, Ledgered, tell
from pipeline.verify.sides import Sides
from pipeline.verify.subject import Subject
from pipeline.verify.sums import lacking
from pipeline.verify.wording import EXTRA, Rules, Told, Wording

_CELLS_AT_ONCE = 500_000
"""Of rows that are looked into: some 250 MB where each value is long."""

LookInto = Callable[[Sequence[int]], list[Told]]
"""Reads both sides again, and says what differs in these buckets."""


def verify_content(connection: Connection, subject: Subject) -> Iterator[Finding]:
    """Findings of `content`, then those of `losses`."""
    if subject.content is None or not subject.target.written:
        return
    sums, others = subject.sums, subject.beside_others
    if sums is None:
        text = f"not compared: the target lacks {', '.join(lacking(connection, subject))}"
        yield Finding("content", subject.target.name, "table", 1, text)
        return
    sides = Sides(connection, subject.target, subject.content, subject.ordered)
    ledgered = Ledgered(connection, subject.target, subject.ordered)
    rows, losses = differing(sums.source, sums.target), differing(sums.changed, sums.told)
    if others:
        rows = without_equal(sides, sums.source, rows)
    yield from _find(
        subject, "content", rows, len(sides.cells), lambda part: _rows(sides, part, others=others), others=others
    )
    yield from _find(subject, "losses", losses, len(CELLS), lambda part: _losses(sides, ledgered, part))


def _find(
    subject: Subject, verifier: str, buckets: pl.DataFrame, width: int, look_into: LookInto, *, others: bool = False
) -> Iterator[Finding]:
    """Look into the buckets, so many at once as memory allows, until some tell what differs."""
    left = groups(buckets, _CELLS_AT_ONCE // width)
    while left:
        told = look_into(left.pop(0))
        for what, count, samples in told:
            more = " or more" if left else ""
            yield Finding(verifier, subject.target.name, what, count, f"{count:,}{more}, {'; '.join(samples)}")
        if told:
            return  # the other buckets would tell more of the same
    if buckets.height and not others:
        text = "what differed at first was equal when it was read again: compare once more"
        yield Finding(verifier, subject.target.name, "rows", 1, text)


def _rows(sides: Sides, buckets: Sequence[int], *, others: bool) -> list[Told]:
    """What differs among the rows of these buckets; `others` may have put rows beside ours."""
    source, rules = _kept_source(sides, buckets)
    frames = (kept(_only(frame, buckets), sides.cells) for frame in sides.target())
    if sides.key:
        target = pl.concat([_none(sides), *frames])
    else:
        target = folded(frames, _none(sides))
        source, target = unfolded(source, target), unfolded(target, source)
    found = differences(source, target, sides.cells, keyed=bool(sides.key))
    wording = Wording(sides.table.written, sides.key, rules)
    return [told for told in wording.tell(found) if not (others and told[0] == EXTRA)]


def _kept_source(sides: Sides, buckets: Sequence[int]) -> tuple[pl.DataFrame, Rules]:
    """The rows of these buckets, and what the mapping changed in them."""
    rules: dict[tuple[object, str], str] = {}

    def frames() -> Iterator[pl.DataFrame]:
        for arriving in sides.source():
            rows = _only(arriving.rows, buckets)
            for losses in arriving.losses:
                ours = losses.frame.filter(pl.col("locator").is_in(rows["locator"].implode()))
                rules.update(
                    {(locator, losses.target_column): rule for locator, rule in ours.select("locator", "rule").rows()}
                )
            yield kept(rows, sides.cells)

    none = _none(sides).with_columns(locator=pl.lit(None, pl.Int64))
    if sides.key:
        return pl.concat([none, *frames()], how="diagonal"), rules
    return folded(frames(), none), rules


def _losses(sides: Sides, ledgered: Ledgered, buckets: Sequence[int]) -> list[Told]:
    """What differs among the losses of these buckets."""
    changed = (ledgered.made(losses) for arriving in sides.source() for losses in arriving.losses)
    made, told = (
        pl.concat([kept(_only(frame, buckets), CHANGE) for frame in (ledgered.empty, *frames)])
        for frames in (changed, ledgered.told())
    )
    return tell(differences(made, told, CELLS, keyed=True))


def _only(frame: pl.DataFrame, buckets: Sequence[int]) -> pl.DataFrame:
    return frame.filter(pl.col(BUCKET).is_in(buckets))


def _none(sides: Sides) -> pl.DataFrame:
    """No rows, in the shape that those of the target are kept in."""
    return kept(sides.empty, sides.cells)
