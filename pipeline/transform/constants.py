"""Values that a mapping writes down (defaults, value tables, filters) as values of a column."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pipeline.mapping.models import Scalar
from pipeline.mapping.scalars import written
from pipeline.transform.types import from_text


def constants(values: Iterable[Scalar | None], dtype: pl.DataType, *, uuid: bool = False) -> pl.Series:
    """One column of them, None as NULL; raises ValueError for one that the dtype does not hold exactly."""
    texts = [value if value is None or isinstance(value, str) else written(value) for value in values]
    return from_text(pl.Series(texts, dtype=pl.String), dtype, uuid=uuid)
