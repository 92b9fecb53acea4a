"""Rows as the source gave them, so that a refused one can be told and replayed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import polars as pl

from pipeline.batch import Batch, Defect
from pipeline.outcome import Reject, Stage


@dataclass(frozen=True, slots=True)
class Origin:
    """Rows as the source gave them, able to speak of any one of them."""

    table: str
    key: tuple[str, ...]
    frame: pl.DataFrame
    locators: pl.Series
    defects: Mapping[int, tuple[Defect, ...]] = field(default_factory=dict)
    """By row."""

    @classmethod
    def of(cls, table: str, key: tuple[str, ...], batch: Batch) -> Origin:
        defects: dict[int, tuple[Defect, ...]] = {}
        for defect in batch.defects:
            defects[defect.row] = (*defects.get(defect.row, ()), defect)
        return cls(table, key, batch.frame, batch.locators, defects)

    def select(self, mask: pl.Series) -> Origin:
        """Rows where the mask holds."""
        places = mask.cum_sum() - 1
        defects = {places[row]: found for row, found in self.defects.items() if mask[row]}
        return Origin(self.table, self.key, self.frame.filter(mask), self.locators.filter(mask), defects)

    def slice(self, start: int, rows: int) -> Origin:
        defects = {row - start: found for row, found in self.defects.items() if start <= row < start + rows}
        return Origin(self.table, self.key, self.frame.slice(start, rows), self.locators.slice(start, rows), defects)

    def reject(self, row: int, stage: Stage, reason: str, detail: str) -> Reject:
        values: dict[str, object] = self.frame.row(row, named=True)
        values |= {defect.column: replace(defect, row=row) for defect in self.defects.get(row, ())}
        return Reject(self.table, self.locators[row], stage, reason, detail, self.key_of(row), values)

    def key_of(self, row: int) -> dict[str, object]:
        return {name: self.frame[name][row] for name in self.key}
