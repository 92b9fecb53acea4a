"""Differences in words: by subject, how many, and the first ones with key, both values and the rule that made ours."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from unicodedata import normalize

from pipeline.catalog import Column
from pipeline.postgres.digest import cell
from pipeline.verify.differences import SHOWN, Differences, differs
from pipeline.verify.spelling import readable

MISSING, EXTRA = "missing rows", "extra rows"
SAMPLES = 3
_CELLS = 6
"""Of a row that has no key to name it by."""

Row = Mapping[str, object]
Rules = Mapping[tuple[object, str], str]
"""By locator and column of the target, the rule by which the mapping changed the value."""
Told = tuple[str, int, list[str]]
"""Subject, number of cells or rows, and the first of them."""


@dataclass(frozen=True, slots=True)
class Wording:
    """Knows the columns of the frames, those that make the key, and what the mapping changed on the way."""

    columns: Sequence[Column]
    key: Sequence[str]
    rules: Rules

    def tell(self, found: Differences) -> Iterator[Told]:
        """Column by column, then of whole rows; a row without a pair is told once, not by its cells."""
        for number, column in enumerate(self.columns):
            pairs = found.paired.filter(differs(cell(number)))
            if pairs.height:
                samples = [self._pair(number, column, row) for row in pairs.head(SAMPLES).iter_rows(named=True)]
                yield column.name, pairs.height, samples
        for subject, rows in ((MISSING, found.missing), (EXTRA, found.extra)):
            if rows.height:
                yield subject, rows.height, [self._row(row) for row in rows.head(SAMPLES).iter_rows(named=True)]

    def _pair(self, number: int, column: Column, row: Row) -> str:
        name = cell(number)
        source, target = self._value(number, row[name]), self._value(number, row[f"{name}_right"])
        if source == target:
            source = target = f"{source}, and differ behind its first {SHOWN} characters"
        elif normalize("NFC", source) == normalize("NFC", target):  # they look the same, and are not
            source, target = ascii(row[name]), ascii(row[f"{name}_right"])
        rule = self.rules.get((row["locator"], column.name))
        changed = f" (changed by the mapping: {rule})" if rule else ""
        return f"at {self._row(row)}: source {source}, target {target}{changed}"

    def _row(self, row: Row) -> str:
        numbers = [n for n in range(len(self.columns)) if cell(n) in self.key] or range(len(self.columns))[:_CELLS]
        return ", ".join(f"{self.columns[n].name}={self._value(n, row[cell(n)])}" for n in numbers)

    def _value(self, number: int, text: object) -> str:
        return "NULL" if text is None else readable(self.columns[number].type, str(text))
