"""A datetimeoffset of a live server is the value that a .bacpac gives of it: ticks of UTC, and the offset."""

from __future__ import annotations

import polars as pl
import pyarrow as pa
import pytest

from pipeline.catalog import SqlType
from pipeline.dialects.mssql import MSSQL
from pipeline.sources.mssql.rows.cells import Arrays, zoned_moments

UNIX = 621_355_968_000_000_000


def arrays(*rows: tuple[int, int, int] | None) -> Arrays:
    """Microseconds since 1970 of UTC, nanosecond of the second, and minutes of the offset, as they are asked for."""
    types = (pa.timestamp("us"), pa.int32(), pa.int32())
    return tuple(pa.array([row and row[at] for row in rows], type) for at, type in enumerate(types))


def test_it_has_the_form_of_its_rule() -> None:
    values, flaws = zoned_moments(arrays((1_500_000, 500_000_700, 540), None, (-1, 999_999_000, -840), (0, 0, 0)))
    series = pl.Series(pl.from_arrow(values))
    type = SqlType("datetimeoffset", (7,))
    rule = MSSQL.rule(type)
    assert rule is not None
    assert series.dtype == rule.dtype_for(type)
    assert series.to_list() == [
        {"ticks": UNIX + 15_000_007, "offset": 540},
        None,
        {"ticks": UNIX - 10, "offset": -840},
        {"ticks": UNIX, "offset": 0},
    ]
    assert series.is_null().to_list() == [False, True, False, False]
    assert flaws == ()


def test_no_rows_are_of_that_form_too() -> None:
    values, _ = zoned_moments(arrays())
    assert pl.Series(pl.from_arrow(values)).dtype == pl.Struct({"ticks": pl.Int64, "offset": pl.Int16})


@pytest.mark.parametrize("minutes", [841, -841, 100_000])
def test_an_offset_beyond_the_type_is_said(minutes: int) -> None:
    with pytest.raises(ValueError, match="more than 14 hours"):
        zoned_moments(arrays((0, 0, minutes)))
