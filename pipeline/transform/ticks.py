"""Times that a source counts in ticks of 100 ns, which are one digit finer than PostgreSQL's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import polars as pl

from pipeline.transform.step import Stepped, somewhere

# From 0001-01-01 to 1970-01-01: the epochs of .NET and of Polars.
TICKS_TO_1970 = 621_355_968_000_000_000
_TICKS_PER_DAY = 864_000_000_000
TICKS_PER_MINUTE = 600_000_000
_UTC = pl.Datetime("us", "UTC")


@dataclass(frozen=True, slots=True)
class Ticks:
    """100 ns ticks since 0001-01-01 to microseconds; a seventh fractional digit is a loss."""

    name: str = "seventh_digit"

    def __call__(self, values: pl.Series) -> Stepped:
        return _moments(values, pl.Datetime("us"))


@dataclass(frozen=True, slots=True)
class ZonedTicks:
    """`ticks` of 100 ns since 0001-01-01 in UTC to moments in microseconds; a seventh fractional digit is a loss.

    What else the value holds, the `offset` that it was written with, is left, and is a loss where it says something
    and no other column takes it.
    """

    beside_offset: bool = False
    """Whether another column takes it."""
    name: str = "seventh_digit"

    def __call__(self, values: pl.Series) -> Stepped:
        ticks, offset = values.struct.unnest()
        left = None if self.beside_offset else somewhere(offset != 0)
        return replace(_moments(ticks, _UTC), lost_by={} if left is None else {"offset": left})


@dataclass(frozen=True, slots=True)
class ZonedTicksAtZero:
    """As ZonedTicks, for a source of which nobody has seen whether its ticks are UTC where the offset is not zero."""

    name: str = "offset"

    def __call__(self, values: pl.Series) -> Stepped:
        ticks, offset = values.struct.unnest()
        made, refused = _moments(ticks, _UTC), somewhere(offset != 0)
        text = "no real file shows whether its time is UTC or local; `offset: keep` takes it for UTC, and keeps both"
        why = {} if refused is None else dict.fromkeys(refused.arg_true().to_list(), text)
        lost_by = {} if made.lost is None else {"seventh_digit": made.lost}
        return Stepped(made.values, refused, why=why, lost_by=lost_by)


@dataclass(frozen=True, slots=True)
class ClockTicks:
    """100 ns ticks since midnight to a time of day in microseconds; a seventh fractional digit is a loss."""

    name: str = "seventh_digit"

    def __call__(self, values: pl.Series) -> Stepped:
        beyond = values.is_not_null() & ~values.is_between(0, _TICKS_PER_DAY - 1)
        within = values.set(beyond, None)
        return Stepped((within // 10 * 1000).cast(pl.Time), refused=somewhere(beyond), lost=somewhere(within % 10 != 0))


@dataclass(frozen=True, slots=True)
class Offset:
    """Minutes that the time a moment was written in is ahead of UTC."""

    name: str = "offset"

    def __call__(self, values: pl.Series) -> Stepped:
        return Stepped(values.struct.unnest()["offset"])


def _moments(ticks: pl.Series, dtype: pl.Datetime) -> Stepped:
    since_1970 = ticks - TICKS_TO_1970
    return Stepped((since_1970 // 10).cast(dtype), lost=somewhere(since_1970 % 10 != 0))
