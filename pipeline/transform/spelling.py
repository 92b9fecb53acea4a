"""Values as people read them: one text per value, in the spelling of PostgreSQL, bounded in length.

Equal values of one type have equal texts, so that a loss can be held against what source and target hold.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipeline.transform.ticks import TICKS_PER_MINUTE, TICKS_TO_1970

LONGEST = 200
"""Characters that are shown; of bytes half as many, as each takes two digits."""


def shown(value: object) -> str:
    """One value, NULL as a word."""
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return str(spelled(pl.Series([value], dtype=pl.Binary))[0])
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text)} characters)"


def spelled(values: pl.Series, form: str | None = None) -> pl.Series:
    """A column of texts, NULL where the value is; `form` names what the dtype does not tell: a converter, `uuid`."""
    if form in _FORMS:
        return _FORMS[form](values)
    match values.dtype:
        case pl.Binary:
            return _bytes(values)
        case pl.Datetime:
            zone = "" if values.dtype.time_zone is None else "+00"  # type: ignore[attr-defined]
            return _joined(values.dt.strftime("%Y-%m-%d %H:%M:%S"), _fraction(values.dt.microsecond(), 6), zone)
        case pl.Time:
            return _joined(values.dt.strftime("%H:%M:%S"), _fraction(values.dt.nanosecond() // 1000, 6))
        case dtype if dtype.is_nested():
            return pl.Series([None if value is None else str(value) for value in values], dtype=pl.String)
    return _bounded(values.cast(pl.String))


def _bounded(texts: pl.Series) -> pl.Series:
    if not (texts.str.len_bytes() > LONGEST).any():
        return texts
    text = pl.col("text")
    long = pl.concat_str(text.str.head(LONGEST), pl.lit("… ("), text.str.len_chars(), pl.lit(" characters)"))
    bounded = pl.when(text.str.len_chars() > LONGEST).then(long).otherwise(text)
    return texts.to_frame("text").select(text=bounded)["text"]


def _bytes(values: pl.Series) -> pl.Series:
    raw, most = pl.col("raw"), LONGEST // 2
    size = pl.concat_str(pl.lit("… ("), raw.bin.size(), pl.lit(" bytes)"))
    more = pl.when(raw.bin.size() > most).then(size).otherwise(pl.lit(""))
    text = pl.concat_str(pl.lit("\\x"), raw.bin.head(most).bin.encode("hex"), more)
    return values.to_frame("raw").select(text=text)["text"]


def _uuid(values: pl.Series) -> pl.Series:
    digits = values.bin.encode("hex")
    return _joined(*(part for start, size in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))
                     for part in ("-" if start else "", digits.str.slice(start, size))))  # fmt: skip


def _fraction(units: pl.Series, digits: int) -> pl.Series:
    """`.5` of 500,000 in 6 digits; nothing of zero."""
    texts = "." + units.cast(pl.String).str.zfill(digits).str.strip_chars_end("0")
    return texts.set(units == 0, "")


def _ticks(values: pl.Series) -> pl.Series:
    since_1970 = values - TICKS_TO_1970
    moments = (since_1970 // 10).cast(pl.Datetime("us"))
    return _joined(moments.dt.strftime("%Y-%m-%d %H:%M:%S"), _fraction(since_1970 % 10_000_000, 7))


def _zoned_ticks(values: pl.Series) -> pl.Series:
    """As it was written: the time of its own place, and how far that is ahead of UTC."""
    offset = values.struct.field("offset").cast(pl.Int64)
    sign = pl.Series(["+"]).new_from_index(0, len(values)).set(offset < 0, "-")
    hours, minutes = (part.cast(pl.String).str.zfill(2) for part in (offset.abs() // 60, offset.abs() % 60))
    local = _ticks(values.struct.field("ticks") + offset * TICKS_PER_MINUTE)
    return _joined(local, sign, hours, ":", minutes)


def _clock_ticks(values: pl.Series) -> pl.Series:
    clock = (values // 10 * 1000).cast(pl.Time)
    return _joined(clock.dt.strftime("%H:%M:%S"), _fraction(values % 10_000_000, 7))


_FORMS: dict[str | None, Callable[[pl.Series], pl.Series]] = {
    "uuid": _uuid,
    "ticks": _ticks,
    "clock_ticks": _clock_ticks,
    "zoned_ticks": _zoned_ticks,
    "zoned_ticks_beside_offset": _zoned_ticks,
    "zoned_ticks_at_zero": _zoned_ticks,
}


def _joined(*parts: pl.Series | str) -> pl.Series:
    columns = [pl.lit(part) for part in parts]
    return pl.select(text=pl.concat_str(columns)).to_series()
