"""A mapping's filter as a mask: rows that the user chose not to carry, counted and not refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import polars as pl

from pipeline.mapping.models import Condition

_OPERATORS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "=": pl.Expr.eq,
    "<>": pl.Expr.ne,
    "<": pl.Expr.lt,
    "<=": pl.Expr.le,
    ">": pl.Expr.gt,
    ">=": pl.Expr.ge,
}


def kept(frame: pl.DataFrame, conditions: Sequence[Condition]) -> pl.Series | None:
    """Where every condition holds (a comparison with NULL does not, as in SQL); None without any."""
    if not conditions:
        return None
    expressions = [_expression(condition, frame.schema[condition.column]) for condition in conditions]
    return frame.select(kept=pl.all_horizontal(expressions).fill_null(value=False))["kept"]


def _expression(condition: Condition, dtype: pl.DataType) -> pl.Expr:
    column = pl.col(condition.column)
    values = condition.value if isinstance(condition.value, tuple) else (condition.value,)
    listed = pl.Series(values, dtype=dtype)
    match condition.op:
        case "is null":
            return column.is_null()
        case "is not null":
            return column.is_not_null()
        case "in":
            return column.is_in(listed.implode())
        case "not in":
            return ~column.is_in(listed.implode())
        case operator:
            return _OPERATORS[operator](column, pl.lit(listed).first())
