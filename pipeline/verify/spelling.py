"""One text for each value, whichever side it comes from: what PostgreSQL writes, spelled anew for the source's frames.

Nothing of the load's encoder is used. Floats are compared as the integer that has their bits, since the shortest text
of one double has several spellings.
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipeline.catalog import SqlType

Spell = Callable[[pl.Series], pl.Series]

_BITS: dict[str, tuple[pl.DataType, pl.DataType]] = {
    "real": (pl.Float32(), pl.Int32()),
    "double precision": (pl.Float64(), pl.Int64()),
}


def _same(values: pl.Series) -> pl.Series:
    return values


def _digits(values: pl.Series) -> pl.Series:
    return values.cast(pl.String)


def _letter(values: pl.Series) -> pl.Series:
    return values.replace_strict([True, False], ["t", "f"], default=None, return_dtype=pl.String)


def _moment(values: pl.Series) -> pl.Series:
    return _trimmed(values.dt.replace_time_zone(None).dt.to_string("iso"))  # twice as fast as a pattern


def _zoned(values: pl.Series) -> pl.Series:
    """In UTC, as every session of ours has it."""
    return _moment(values) + "+00"


def _clock(values: pl.Series) -> pl.Series:
    return _trimmed(values.dt.to_string("%H:%M:%S%.6f"))


def _trimmed(times: pl.Series) -> pl.Series:
    """Six digits after the point without the last zeros, as PostgreSQL leaves them out."""
    return times.str.strip_chars_end("0").str.strip_chars_end(".")


def _hex(values: pl.Series) -> pl.Series:
    return "\\x" + values.bin.encode("hex")


def _uuid(values: pl.Series) -> pl.Series:
    text = pl.col(values.name)
    parts = [text.str.slice(start, length) for start, length in ((0, 8), (8, 4), (12, 4), (16, 4), (20, 12))]
    return values.bin.encode("hex").to_frame().select(pl.concat_str(parts, separator="-"))[values.name]


def _unpadded(values: pl.Series) -> pl.Series:
    """The blanks at the end of a char(n) are PostgreSQL's, and equal none."""
    return values.str.strip_chars_end(" ")


def _bits(values: pl.Series) -> pl.Series:
    """-0.0 is not 0.0, and every NaN is one."""
    dtype = pl.Int32() if values.dtype == pl.Float32 else pl.Int64()
    number = pl.col(values.name).fill_nan(float("nan")).reinterpret(dtype=dtype)
    return values.to_frame().select(number)[values.name].cast(pl.String)


def _written_bits(type: SqlType) -> Spell:
    """Of the number that a text says; a text that says none stays, and so is found."""
    dtype, _ = _BITS[type.name]
    return lambda texts: _bits(texts.cast(dtype, strict=False)).fill_null(texts)


_SOURCE: dict[str, Spell] = {
    "boolean": _letter,
    "smallint": _digits,
    "integer": _digits,
    "bigint": _digits,
    "real": _bits,
    "double precision": _bits,
    "numeric": _digits,
    "text": _same,
    "varchar": _same,
    "char": _unpadded,
    "json": _same,  # stored as the text that came
    "bytea": _hex,
    "uuid": _uuid,
    "date": lambda values: values.dt.to_string("%Y-%m-%d"),
    "time": _clock,
    "timestamp": _moment,
    "timestamptz": _zoned,
}


def source_spelling(type: SqlType) -> Spell | None:
    """How a frame's value is spelled; None for a type whose text only PostgreSQL can bring to its one form."""
    return None if type.name == "numeric" and not type.args else _SOURCE.get(type.name)


def target_spelling(type: SqlType) -> Spell:
    """What becomes of PostgreSQL's own text."""
    if type.name in _BITS:
        return _written_bits(type)
    return _unpadded if type.name == "char" else _same


def readable(type: SqlType, text: str) -> str:
    """A spelled value for a person: text in quotes, and whatever only PostgreSQL can spell."""
    if type.name not in _BITS:
        return repr(text) if source_spelling(type) in (_same, _unpadded, None) else text
    number, bits = _BITS[type.name]
    known = pl.Series([text]).cast(bits, strict=False).to_frame("x").select(pl.col("x").reinterpret(dtype=number))
    return known["x"].cast(pl.String)[0] or repr(text)
