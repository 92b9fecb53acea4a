"""Casts to the dtype of a PostgreSQL type: exact, or refused, or rounded by the mapping's wish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from pipeline.catalog import SqlType
from pipeline.postgres.wire import frame_dtype
from pipeline.transform.step import Stepped, differs, somewhere

# 100 ns ticks from 0001-01-01 to 1970-01-01: the epochs of .NET and of Polars.
_TICKS_TO_1970 = 621_355_968_000_000_000
_ACCESS_DAY_ZERO = pl.date(1899, 12, 30)


@dataclass(frozen=True, slots=True)
class Ticks:
    """100 ns ticks since 0001-01-01 to microseconds; a seventh fractional digit is a loss."""

    name: str = "seventh_digit"

    def __call__(self, values: pl.Series) -> Stepped:
        since_1970 = values - _TICKS_TO_1970
        microseconds = since_1970 // 10
        return Stepped(microseconds.cast(pl.Datetime("us")), lost=somewhere(since_1970 % 10 != 0))


CONVERTERS = {"ticks": Ticks()}


@dataclass(frozen=True, slots=True)
class Cast:
    """To the frame dtype of a PostgreSQL type."""

    type: SqlType
    round: bool
    name: str = "cast"

    def __call__(self, values: pl.Series) -> Stepped:
        target = frame_dtype(self.type)
        if values.dtype == target:
            return Stepped(values)
        converted = _CASTS[_target_kind(self.type)][_kind(values.dtype)](values, target)
        refused = somewhere(values.is_not_null() & converted.is_null())
        inexact = _inexact(values, converted)
        if inexact is None:
            return Stepped(converted, refused=refused)
        if self.round:
            lost = inexact if refused is None else somewhere(inexact & ~refused)
            return Stepped(converted, refused=refused, lost=lost)
        return Stepped(converted, refused=inexact if refused is None else inexact | refused)


@dataclass(frozen=True, slots=True)
class Fit:
    """Text within the length of varchar(n) or char(n), in characters (code points)."""

    length: int
    name: str = "too_long"

    def __call__(self, values: pl.Series) -> Stepped:
        if not (values.str.len_bytes() > self.length).any():
            return Stepped(values)  # no more bytes than allowed characters: no need to count those
        return Stepped(values, refused=somewhere(values.str.len_chars() > self.length))


@dataclass(frozen=True, slots=True)
class Fraction:
    """Times within the fractional digits of timestamp(p) or time(p): PostgreSQL would round unasked."""

    digits: int
    round: bool
    name: str = "fraction"

    def __call__(self, values: pl.Series) -> Stepped:
        unit = 10 ** (6 - self.digits)
        cut = somewhere(values.dt.microsecond() % unit != 0)
        if cut is None:
            return Stepped(values)
        return Stepped(values.dt.round(f"{unit}us"), lost=cut) if self.round else Stepped(values, refused=cut)


@dataclass(frozen=True, slots=True)
class Required:
    """No NULL: the reject tells it before PostgreSQL's own NOT NULL would."""

    name: str = "null_in_required"

    def __call__(self, values: pl.Series) -> Stepped:
        return Stepped(values, refused=somewhere(values.is_null()))


def castable(source: pl.DataType, type: SqlType) -> bool:
    """Whether a cast exists at all, so that a plan can refuse before a row is read."""
    return source == frame_dtype(type) or _kind(source) in _CASTS.get(_target_kind(type), {})


Caster = Callable[[pl.Series, pl.DataType], pl.Series]


def _plain(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.cast(target, strict=False)


def _text_to_integer(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.str.strip_chars(" ").str.to_integer(dtype=type(target), strict=False)  # type: ignore[arg-type]


def _text_to_float(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.str.strip_chars(" ").cast(target, strict=False)


def _text_to_decimal(values: pl.Series, target: pl.DataType) -> pl.Series:
    """Through more digits than asked for, where they fit: Polars rounds a decimal and cuts a text."""
    assert isinstance(target, pl.Decimal)
    stripped = values.str.strip_chars(" ")
    wide = stripped.cast(pl.Decimal(38, min(38, target.scale + 12)), strict=False).cast(target, strict=False)
    return wide.fill_null(stripped.cast(target, strict=False))


def _text_to_boolean(values: pl.Series, target: pl.DataType) -> pl.Series:
    words = {"true": True, "false": False, "t": True, "f": False, "yes": True, "no": False, "1": True, "0": False}
    lowered = values.str.to_lowercase()
    return lowered.replace_strict(list(words), list(words.values()), default=None, return_dtype=target)


def _number_to_boolean(values: pl.Series, target: pl.DataType) -> pl.Series:
    """1 and Access's -1 are true, 0 is false, everything else has no answer."""
    return values.cast(pl.Int64, strict=False).replace_strict(
        [0, 1, -1], [False, True, True], default=None, return_dtype=target
    )


def _text_to_datetime(values: pl.Series, target: pl.DataType) -> pl.Series:
    iso = values.str.replace("T", " ", literal=True)
    timed = iso.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False)
    dated = iso.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us"))
    return timed.fill_null(dated)


def _text_to_date(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.str.to_date("%Y-%m-%d", strict=False)


def _text_to_time(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.str.to_time("%H:%M:%S%.f", strict=False)


def _text_to_uuid(values: pl.Series, target: pl.DataType) -> pl.Series:
    raw = values.str.strip_chars("{}").str.replace_all("-", "", literal=True).str.decode("hex", strict=False)
    return raw.set(raw.bin.size() != 16, None)


def _time_of_day(values: pl.Series, target: pl.DataType) -> pl.Series:
    """Access keeps a time without a date on its day zero; on another day it is not only a time."""
    frame = values.to_frame("v")
    only_time = pl.when(pl.col("v").dt.date() == _ACCESS_DAY_ZERO).then(pl.col("v").dt.time())
    return frame.select(v=only_time)["v"]


def _spell_datetime(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.dt.to_string("iso")


# target kind -> source kind -> how. What is missing here is refused by the plan.
_NUMBERS: dict[str, Caster] = {"integer": _plain, "float": _plain, "decimal": _plain, "boolean": _plain}
_CASTS: dict[str, dict[str, Caster]] = {
    "integer": {**_NUMBERS, "text": _text_to_integer},
    "float": {**_NUMBERS, "text": _text_to_float},
    "decimal": {**_NUMBERS, "text": _text_to_decimal},
    "boolean": {"integer": _number_to_boolean, "float": _number_to_boolean, "text": _text_to_boolean},
    "text": {
        "integer": _plain,
        "float": _plain,
        "decimal": _plain,
        "boolean": _plain,
        "datetime": _spell_datetime,
        "date": _spell_datetime,
    },
    "datetime": {"text": _text_to_datetime, "date": _plain},
    "date": {"text": _text_to_date, "datetime": _plain},
    "time": {"text": _text_to_time, "datetime": _time_of_day},
    "uuid": {"text": _text_to_uuid},
}


def _target_kind(type: SqlType) -> str:
    return type.name if type.name in ("uuid", "bytea") else _kind(frame_dtype(type))


def _kind(dtype: pl.DataType) -> str:
    if dtype.is_integer():
        return "integer"
    if dtype.is_float():
        return "float"
    if isinstance(dtype, pl.Datetime):
        # A time zone cannot be guessed: naive and zoned are kinds of their own.
        return "datetime" if dtype.time_zone is None else "zoned"
    names = {pl.Decimal: "decimal", pl.Boolean: "boolean", pl.String: "text", pl.Date: "date", pl.Time: "time"}
    return names.get(type(dtype), "binary")


def _inexact(before: pl.Series, after: pl.Series) -> pl.Series | None:
    """Where a number or a time does not come back from its cast as it was.

    Text is not asked to come back: `007` and `7` are the same integer. Text to decimal is, because
    Polars cuts digits beyond the scale without a word.
    """
    source, target = _kind(before.dtype), _kind(after.dtype)
    if target in ("integer", "decimal", "float") and source in ("integer", "decimal", "float"):
        known = after.is_not_null()
        back = after.cast(before.dtype, strict=False)
        return somewhere(known & before.ne_missing(back))
    if (source, target) == ("datetime", "date"):
        return differs(before, after.cast(before.dtype))
    if (source, target) == ("text", "decimal"):
        return somewhere(after.is_not_null() & _fraction_cut(before, after.dtype))
    return None


def _fraction_cut(text: pl.Series, dtype: pl.DataType) -> pl.Series:
    assert isinstance(dtype, pl.Decimal)
    digits = text.str.strip_chars(" ").str.extract(r"\.(\d*)").str.strip_chars_end("0").str.len_chars().fill_null(0)
    exponent = text.str.contains("[eE]").fill_null(value=False)
    return (digits > dtype.scale) | exponent
