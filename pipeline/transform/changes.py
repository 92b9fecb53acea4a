"""What a chain did to the values of one column: one loss per cell, whatever number of rules touched it.

So a loss says what the source holds and what the target holds, and a reader of both needs no other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import or_

import polars as pl

from pipeline.batch import Defect
from pipeline.catalog import Column
from pipeline.outcome import Losses
from pipeline.transform.origin import Origin
from pipeline.transform.spelling import spelled
from pipeline.transform.step import Stepped


@dataclass(frozen=True, slots=True)
class Changes:
    """A column on its way, and which rules changed which of its rows."""

    source: str
    target: Column
    before: pl.Series
    after: pl.Series
    form: str | None
    """What `spelling` needs to know of `before`."""
    rules: tuple[tuple[str, pl.Series], ...] = ()
    raw: Mapping[int, bytes] = field(default_factory=dict)
    """By row, what the source holds where no value could be read of it."""

    def with_replaced(self, defects: Sequence[Defect]) -> Changes:
        """With the replacements of these defects, one a row, in their places."""
        raw = {defect.row: defect.raw for defect in defects}
        after = self.after.clone().scatter([*raw], [defect.replacement for defect in defects])  # it changes its series
        mask = pl.repeat(False, len(after), eager=True).scatter([*raw], values=True)
        return replace(self, after=after, rules=(*self.rules, ("replace_invalid", mask)), raw=raw)

    def through(self, name: str, stepped: Stepped) -> Changes:
        """As it is after the step of that name."""
        if stepped.values is self.after and stepped.lost is None and not stepped.lost_by:
            return self
        lost = () if stepped.lost is None else ((name, stepped.lost),)
        rules = (*self.rules, *stepped.lost_by.items(), *lost)
        return replace(self, after=stepped.values, rules=rules)

    def losses(self, origin: Origin, kept: pl.Series | None) -> Losses | None:
        """Of the rows that are kept, None: of all; None where nothing changed."""
        if not self.rules:
            return None
        touched = reduce(or_, (mask for _, mask in self.rules))
        rows = (touched if kept is None else touched & kept).arg_true()
        if rows.is_empty():
            return None
        told = pl.DataFrame(
            {
                "locator": origin.locators.gather(rows),
                "rule": self._rules(rows),
                "before": self._before(rows),
                "after": spelled(self.after.gather(rows), self.target.type.name),
            }
        )
        return Losses(origin.table, self.source, self.target.name, told, origin.frame[rows].select(origin.key))

    def _rules(self, rows: pl.Series) -> pl.Series:
        """`trim+default`, in the order of the steps."""
        names = [pl.when(pl.lit(mask.gather(rows))).then(pl.lit(name)) for name, mask in self.rules]
        return pl.select(rule=pl.concat_str(names, separator="+", ignore_nulls=True)).to_series()

    def _before(self, rows: pl.Series) -> pl.Series:
        texts = spelled(self.before.gather(rows), self.form)
        if not self.raw:
            return texts
        raw = pl.Series([self.raw.get(row) for row in rows], dtype=pl.Binary)
        return spelled(raw).zip_with(raw.is_not_null(), texts)
