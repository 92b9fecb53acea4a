"""Casts to the dtype of a PostgreSQL type: exact, or refused, or rounded by the mapping's wish."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import polars as pl

from pipeline.catalog import SqlType
from pipeline.postgres.wire import frame_dtype
from pipeline.transform.decode import Decode
from pipeline.transform.ewkt import geography_ewkt, geometry_ewkt
from pipeline.transform.hierarchy import hierarchy_path
from pipeline.transform.step import Step, Stepped, differs, somewhere
from pipeline.transform.ticks import ClockTicks, Ticks, ZonedTicks, ZonedTicksAtZero

_ACCESS_DAY_ZERO = pl.date(1899, 12, 30)
_DAY_NS = 86_400 * 10**9
_LAST_YEAR = 9999
"""Of the sources and of Python; PostgreSQL has more."""
# Polars also reads 20-1-5 and +2020-01-01; neither says which year it means.
_DATE = r"^\d{4}-\d\d-\d\d$"
_DATE_TIME = r"^\d{4}-\d\d-\d\d[ T]\d\d:\d\d:[0-5]\d(\.\d+)?$"
_TIME = r"^\d\d:\d\d:[0-5]\d(\.\d+)?$"


CONVERTERS: dict[str, Step] = {
    "ticks": Ticks(),
    "zoned_ticks": ZonedTicks(),
    "zoned_ticks_beside_offset": ZonedTicks(beside_offset=True),
    "zoned_ticks_at_zero": ZonedTicksAtZero(),
    "clock_ticks": ClockTicks(),
    "hierarchy_path": Decode("hierarchyid", hierarchy_path),
    "geometry_ewkt": Decode("ewkt", geometry_ewkt),
    "geography_ewkt": Decode("ewkt", geography_ewkt),
}


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
        refused = None
        if converted.null_count() > values.null_count():
            refused = somewhere(values.is_not_null() & converted.is_null())
        lost = _untold(values, _target_kind(self.type))
        inexact = _inexact(values, converted)
        if inexact is not None and self.round:
            lost = inexact if lost is None else inexact | lost
        elif inexact is not None:
            refused = inexact if refused is None else inexact | refused
        if lost is not None and refused is not None:
            lost = somewhere(lost & ~refused)
        return Stepped(converted, refused, lost)


@dataclass(frozen=True, slots=True)
class Fit:
    """Text within the length of varchar(n) or char(n), in characters (code points)."""

    length: int
    padded: bool = False
    """Whether PostgreSQL fills it with blanks: how many there were before is a loss, where there were any."""
    name: str = "too_long"

    def __call__(self, values: pl.Series) -> Stepped:
        if self.padded:
            short = somewhere(values.str.ends_with(" ") & (values.str.len_chars() < self.length))
            if short is not None:
                values = values.zip_with(~short, values.str.pad_end(self.length))
                return Stepped(values, self._longer(values), lost_by={"padding": short})
        return Stepped(values, self._longer(values))

    def _longer(self, values: pl.Series) -> pl.Series | None:
        if not (values.str.len_bytes() > self.length).any():
            return None  # no more bytes than allowed characters: no need to count those
        return somewhere(values.str.len_chars() > self.length)


@dataclass(frozen=True, slots=True)
class Fraction:
    """Times within the fractional digits of timestamp(p) or time(p): PostgreSQL would round unasked."""

    digits: int
    round: bool
    name: str = "fraction"

    def __call__(self, values: pl.Series) -> Stepped:
        unit = 10 ** (6 - self.digits)
        per_unit = unit * 1000 if values.dtype == pl.Time else unit
        cut = somewhere(values.to_physical() % per_unit != 0)
        if cut is None:
            return Stepped(values)
        if not self.round:
            return Stepped(values, refused=cut)
        if values.dtype == pl.Time:
            rounded = _round_time(values, per_unit)
        else:
            rounded = values.dt.round(f"{unit}us")
            rounded = rounded.set(rounded.dt.year() > _LAST_YEAR, None)
        return Stepped(rounded, refused=somewhere(values.is_not_null() & rounded.is_null()), lost=cut)


@dataclass(frozen=True, slots=True)
class Required:
    """No NULL: the reject tells it before PostgreSQL's own NOT NULL would."""

    name: str = "null_in_required"

    def __call__(self, values: pl.Series) -> Stepped:
        return Stepped(values, refused=values.is_null() if values.has_nulls() else None)


def castable(source: pl.DataType, type: SqlType) -> bool:
    """Whether a cast exists at all, so that a plan can refuse before a row is read."""
    return source == frame_dtype(type) or _kind(source) in _CASTS.get(_target_kind(type), {})


def from_text(texts: pl.Series, dtype: pl.DataType, *, uuid: bool = False) -> pl.Series:
    """What the texts say, exactly; raises ValueError naming one that is no value of the dtype."""
    if dtype == pl.String:
        return texts
    cast = _CASTS.get("uuid" if uuid else _kind(dtype), {}).get("text")
    if cast is None:
        raise ValueError("a mapping cannot write down a value of this column's type")
    values = cast(texts, dtype)
    inexact = _inexact(texts, values)
    wrong = texts.is_not_null() & values.is_null()
    for text in texts.filter(wrong if inexact is None else wrong | inexact):
        raise ValueError(f"{text!r} is not a value of this column's type")
    return values


Caster = Callable[[pl.Series, pl.DataType], pl.Series]


def _narrower(values: pl.Series, target: pl.DataType) -> pl.Series:
    """A number beyond the narrower type has no value there; an infinity of the source stays one."""
    narrowed = values.cast(target)
    return narrowed.set(narrowed.is_infinite() & values.is_finite(), None)


def _plain(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.cast(target, strict=False)


def _rounded(values: pl.Series, target: pl.DataType) -> pl.Series:
    """The nearest that the target holds, halves away from zero as PostgreSQL's numeric rounds them.

    What has an exact counterpart keeps it: rounding a float computes, and may miss by its last bit.
    """
    exact = _plain(values, target)
    inexact = _inexact(values, exact)
    if inexact is None:
        return exact
    scale = target.scale if isinstance(target, pl.Decimal) else 0
    nearest = _plain(values.round(scale, mode="half_away_from_zero"), target)
    return exact.zip_with(~inexact, nearest)


def _from_boolean(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.cast(pl.Int8).cast(target, strict=False)


def _round_time(values: pl.Series, unit_ns: int) -> pl.Series:
    """NULL where a time would round up to midnight, which is another day's."""
    rounded = (values.cast(pl.Int64) + unit_ns // 2) // unit_ns * unit_ns
    return rounded.set(rounded >= _DAY_NS, None).cast(pl.Time)


def _text_to_integer(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.str.strip_chars(" ").str.to_integer(dtype=type(target), strict=False)  # type: ignore[arg-type]


def _text_to_float(values: pl.Series, target: pl.DataType) -> pl.Series:
    """Beyond the target's range is no value: only a text that says so is infinite."""
    stripped = values.str.strip_chars(" ")
    numbers = stripped.cast(target, strict=False)
    return numbers.set(numbers.is_infinite() & ~stripped.str.contains("(?i)inf"), None)


def _text_to_decimal(values: pl.Series, target: pl.DataType) -> pl.Series:
    """Through more digits than asked for, where they fit: Polars rounds a decimal and cuts a text."""
    assert isinstance(target, pl.Decimal)
    stripped = values.str.strip_chars(" ")
    wide = stripped.cast(pl.Decimal(38, min(38, target.scale + 12)), strict=False)
    return _rounded(wide, target).fill_null(stripped.cast(target, strict=False))


def _float_to_decimal(values: pl.Series, target: pl.DataType) -> pl.Series:
    """The decimal that the double is written as. Polars' own cast computes (1e25 gains nine digits), or fails."""
    return _text_to_decimal(values.cast(pl.String), target)


def _decimal_to_float(values: pl.Series, target: pl.DataType) -> pl.Series:
    return values.cast(pl.String).cast(target, strict=False)


def _text_to_boolean(values: pl.Series, target: pl.DataType) -> pl.Series:
    words = {"true": True, "false": False, "t": True, "f": False, "yes": True, "no": False, "1": True, "0": False}
    lowered = values.str.to_lowercase()
    return lowered.replace_strict(list(words), list(words.values()), default=None, return_dtype=target)


def _number_to_boolean(values: pl.Series, target: pl.DataType) -> pl.Series:
    """1 and Access's -1 are true, 0 is false, everything else has no answer."""
    return values.replace_strict([0, 1, -1], [False, True, True], default=None, return_dtype=target)


def _text_to_datetime(values: pl.Series, target: pl.DataType) -> pl.Series:
    """ISO 8601 without a zone, or a bare date; digits beyond microseconds are cut, which `_inexact` tells."""
    iso = _matching(values, _DATE_TIME).str.replace("T", " ", literal=True)
    timed = _of_our_era(iso.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", time_unit="us", strict=False))
    return timed.fill_null(_text_to_date(values, pl.Date()).cast(pl.Datetime("us")))


def _text_to_date(values: pl.Series, target: pl.DataType) -> pl.Series:
    return _of_our_era(_matching(values, _DATE).str.to_date("%Y-%m-%d", strict=False))


def _of_our_era(moments: pl.Series) -> pl.Series:
    """Without the year 0, which Polars has, PostgreSQL calls 1 BC, and Python does not know."""
    return moments.set(moments.dt.year() < 1, None)


def _text_to_time(values: pl.Series, target: pl.DataType) -> pl.Series:
    times = _matching(values, _TIME).str.to_time("%H:%M:%S%.f", strict=False)
    return (times.cast(pl.Int64) // 1000 * 1000).cast(pl.Time)


def _matching(values: pl.Series, pattern: str) -> pl.Series:
    """NULL in place of what does not match."""
    return values.set(~values.str.contains(pattern), None)


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
_CASTS: dict[str, dict[str, Caster]] = {
    "integer": {
        "integer": _plain,
        "float": _rounded,
        "decimal": _rounded,
        "boolean": _from_boolean,
        "text": _text_to_integer,
    },
    "float": {
        "integer": _plain,
        "float": _narrower,
        "decimal": _decimal_to_float,
        "boolean": _from_boolean,
        "text": _text_to_float,
    },
    "decimal": {
        "integer": _plain,
        "float": _float_to_decimal,
        "decimal": _rounded,
        "boolean": _from_boolean,
        "text": _text_to_decimal,
    },
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

    Text is not asked to come back: `007` and `7` are the same integer. Its digits after the point are
    counted, because Polars cuts those beyond the scale without a word.
    """
    source, target = _kind(before.dtype), _kind(after.dtype)
    if target in ("integer", "decimal", "float") and source in ("integer", "decimal", "float"):
        known = after.is_not_null()
        # Between decimals and floats the way leads through text, which rounds correctly where a cast computes.
        through = after.cast(pl.String) if {source, target} == {"decimal", "float"} else after
        back = through.cast(before.dtype, strict=False)
        return somewhere(known & before.ne_missing(back))
    if (source, target) == ("datetime", "date"):
        return differs(before, after.cast(before.dtype))
    if (source, target) == ("text", "decimal"):
        assert isinstance(after.dtype, pl.Decimal)
        exponent = before.str.contains("[eE]").fill_null(value=False)
        return somewhere(after.is_not_null() & (_fraction_cut(before, after.dtype.scale) | exponent))
    if (source, target) == ("text", "float"):
        return somewhere(after.is_not_null() & _digits_cut(before, after))
    if source == "text" and target in ("datetime", "time"):
        return somewhere(after.is_not_null() & _fraction_cut(before, 6))
    return None


# What a text looks like that its number tells again. Zeros or a plus before a number and blanks around it are not told,
# and may be part of a code. Zeros that end a fraction, and how an exponent is written, are notation.
_PLAIN = {
    "integer": r"^(0|-?[1-9]\d*)$",
    "decimal": r"^(0(\.\d+)?|-?[1-9]\d*(\.\d+)?|-0\.\d*[1-9]\d*)$",
    "float": r"^-?((0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?|inf|Infinity)$",
}


def _untold(values: pl.Series, target: str) -> pl.Series | None:
    """Where a number is the same, and does not tell how the source has it."""
    source = _kind(values.dtype)
    if source == "text" and target in _PLAIN:
        return somewhere(~values.str.contains(_PLAIN[target]))
    if source == "float" and target in ("integer", "decimal") and (values == 0).any():
        return somewhere((values == 0) & (1 / values < 0))  # the sign of -0.0
    return None


def _fraction_cut(text: pl.Series, digits: int) -> pl.Series:
    found = text.str.strip_chars(" ").str.extract(r"\.(\d*)").str.strip_chars_end("0").str.len_chars()
    return found.fill_null(0) > digits


def _digits_cut(text: pl.Series, numbers: pl.Series) -> pl.Series:
    """Where a float, as its shortest text says it, is another number than the one that was written."""
    said = numbers.cast(pl.String).to_list()
    cut = [
        None not in (written, back) and Decimal(written.strip()) != Decimal(back)
        for written, back in zip(text.to_list(), said, strict=True)
    ]
    return pl.Series(cut, dtype=pl.Boolean)
