"""A mapping's filter as a mask: rows that the user chose not to carry, counted and not refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import polars as pl

from pipeline.mapping.models import Condition
from pipeline.transform.constants import constants
from pipeline.transform.step import Step
from pipeline.transform.types import CONVERTERS

_OPERATORS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": pl.Expr.eq,
    "<>": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}


@dataclass(frozen=True, slots=True)
class Comparison:
    """One condition on a column as the source delivers it, or as its converter makes it."""

    column: str
    op: str
    listed: pl.Series
    """What the column is compared with, in its own dtype; empty for `is null`."""
    step: Step | None
    """The converter, where there is one."""

    @classmethod
    def of(cls, condition: Condition, dtype: pl.DataType, converter: str | None) -> Comparison:
        """Raises ValueError for a value that the column cannot have."""
        values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
        if condition.value is None:
            return cls(condition.column, condition.op, pl.Series(dtype=dtype), None)
        step = CONVERTERS[converter] if converter else None
        if step:
            dtype = step(pl.Series(dtype=dtype)).values.dtype
        return cls(condition.column, condition.op, constants(values, dtype, uuid=dtype == pl.Binary), step)

    def holds(self, frame: pl.DataFrame) -> pl.Series:
        """NULL where it is not known, as in SQL."""
        values = frame[self.column]
        if self.step:
            values = self.step(values).values
        return pl.select(self._expression(pl.lit(values))).to_series()

    def _expression(self, column: pl.Expr) -> pl.Expr:
        match self.op:
            case "is null":
                return column.is_null()
            case "is not null":
                return column.is_not_null()
            case "in":
                return column.is_in(self.listed.implode())
            case "not in":
                return ~column.is_in(self.listed.implode())
            case operator:
                return _OPERATORS[operator](column, pl.lit(self.listed).first())


def kept(frame: pl.DataFrame, comparisons: Sequence[Comparison]) -> pl.Series | None:
    """Where every comparison holds (one with NULL does not, as in SQL); None without any."""
    if not comparisons:
        return None
    known = pl.DataFrame([one.holds(frame).alias(str(i)) for i, one in enumerate(comparisons)])
    return known.select(kept=pl.all_horizontal(pl.all()).fill_null(value=False))["kept"]
