"""Rows as the source gave them, so that a refused one can be told and replayed."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from pipeline.batch import Defect
from pipeline.outcome import Reject, Stage


@dataclass(frozen=True, slots=True)
class Origin:
    """Rows as the source gave them, able to speak of any one of them."""

    table: str
    key: tuple[str, ...]
    frame: pl.DataFrame
    locators: pl.Series
    defects: tuple[Defect, ...] = ()

    def select(self, mask: pl.Series) -> Origin:
        """Rows where the mask holds."""
        places = mask.cum_sum() - 1
        defects = tuple(replace(defect, row=places[defect.row]) for defect in self.defects if mask[defect.row])
        return Origin(self.table, self.key, self.frame.filter(mask), self.locators.filter(mask), defects)

    def slice(self, start: int, rows: int) -> Origin:
        inside = [defect for defect in self.defects if start <= defect.row < start + rows]
        defects = tuple(replace(defect, row=defect.row - start) for defect in inside)
        return Origin(self.table, self.key, self.frame.slice(start, rows), self.locators.slice(start, rows), defects)

    def reject(self, row: int, stage: Stage, reason: str, detail: str) -> Reject:
        values: dict[str, object] = self.frame.row(row, named=True)
        values |= {defect.column: defect for defect in self.defects if defect.row == row}
        return Reject(self.table, self.locators[row], stage, reason, detail, self.key_of(row), values)

    def key_of(self, row: int) -> dict[str, object]:
        return {name: self.frame[name][row] for name in self.key}
