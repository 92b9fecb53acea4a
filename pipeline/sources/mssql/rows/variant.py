"""sql_variant: a value of any of SQL Server's simple types, as JSON text that says which.

{"type": "decimal(5,2)", "value": "12.50"}: an exact number stays the text that the server writes of it, to its last
digit. Text travels as the bytes of its own collation's code page, like that of a column, and floating point as the
bytes of IEEE 754: before SQL Server 2016 no style of CONVERT writes a double whole, and an unknown one writes 6 digits.
"""

from __future__ import annotations

import json
import struct

import numpy as np
import pyarrow as pa

from pipeline.sources.codepage import UTF_16, codec_of
from pipeline.sources.mssql.rows.cells import Arrays, Read, as_type
from pipeline.sources.text import Flaw

_BASE = "CAST(SQL_VARIANT_PROPERTY({c}, 'BaseType') AS nvarchar(128))"
_COLLATION = "CAST(SQL_VARIANT_PROPERTY({c}, 'Collation') AS nvarchar(128))"


def _as_text(type: str, style: int) -> str:
    return f"CAST(CONVERT(nvarchar(100), CAST({{c}} AS {type}), {style}) AS varbinary(8000))"


_STYLES = (
    (("float",), "CAST(CAST({c} AS float) AS varbinary(8))"),
    (("real",), "CAST(CAST({c} AS real) AS varbinary(4))"),
    (("money", "smallmoney"), _as_text("money", 2)),  # all four digits
    (("date",), _as_text("date", 23)),
    (("datetime", "smalldatetime"), _as_text("datetime", 121)),
    (("time",), _as_text("time(7)", 121)),
    (("datetime2",), _as_text("datetime2(7)", 121)),
    (("datetimeoffset",), _as_text("datetimeoffset(7)", 121)),
)
_RAW = ("char", "varchar", "nchar", "nvarchar", "binary", "varbinary")
_BYTES = ("binary", "varbinary")
_WIDE = ("nchar", "nvarchar")
_FLOATS = {"float": (">d", np.float64), "real": (">f", np.float32)}
"""How their bytes are cast, the sign first."""


def _case() -> str:
    """Bytes of text, binaries and floating point as they are, and everything else as UTF-16."""
    whens = [f"WHEN {_words(_RAW)} THEN CAST({{c}} AS varbinary(8000))"]
    whens += [f"WHEN {_words(types)} THEN {sql}" for types, sql in _STYLES]
    return f"CASE {' '.join(whens)} ELSE CAST(CAST({{c}} AS nvarchar(100)) AS varbinary(8000)) END"


def _words(types: tuple[str, ...]) -> str:
    return f"{_BASE} IN ({', '.join(f'N{one!r}' for one in types)})"


PARTS = (
    _BASE,
    "CAST(SQL_VARIANT_PROPERTY({c}, 'Precision') AS int)",
    "CAST(SQL_VARIANT_PROPERTY({c}, 'Scale') AS int)",
    "CAST(SQL_VARIANT_PROPERTY({c}, 'MaxLength') AS int)",
    f"CAST(COLLATIONPROPERTY({_COLLATION}, 'CodePage') AS int)",
    _case(),
)
"""Expressions over a column: base type, precision, scale, length in bytes, code page, value."""


def variants(arrays: Arrays) -> Read:
    """large_string of JSON texts; a text of a value that is none is a flaw."""
    texts: list[str | None] = []
    flaws = []
    columns = [as_type(arrays[0], pa.large_string()), *arrays[1:5], as_type(arrays[5], pa.large_binary())]
    for row, (base, *numbers, raw) in enumerate(zip(*(column.to_pylist() for column in columns), strict=True)):
        if base is None or raw is None:
            texts.append(None)
            continue
        type, codec = _spelled(base, *numbers[:3]), _codec(base, numbers[3])
        try:
            texts.append(_json(type, _shown(base, raw, codec, "strict")))
        except UnicodeDecodeError as error:
            texts.append(None)
            reason = f"{type} is not {codec}: malformed at byte {error.start}"
            flaws.append(Flaw(row, reason, raw, _json(type, _shown(base, raw, codec, "replace"))))
    return pa.array(texts, pa.large_string()), tuple(flaws)


def _json(type: str, value: str) -> str:
    return json.dumps({"type": type, "value": value}, ensure_ascii=False)


def _shown(base: str, raw: bytes, codec: str, errors: str) -> str:
    if base in _FLOATS:
        return _number(base, raw)
    return "0x" + raw.hex().upper() if base in _BYTES else raw.decode(codec, errors)


def _number(base: str, raw: bytes) -> str:
    """The shortest digits that read back as the same number; raises ValueError."""
    form, type = _FLOATS[base]
    if len(raw) != struct.calcsize(form):
        raise ValueError(f"holds a {base} of {len(raw)} bytes")
    return str(type(struct.unpack(form, raw)[0]))


def _codec(base: str, code_page: int | None) -> str:
    return codec_of(code_page or 0) if base in ("char", "varchar") else UTF_16


def _spelled(base: str, precision: int, scale: int, length: int) -> str:
    """The base type with what it declares."""
    if base in ("decimal", "numeric"):
        return f"{base}({precision},{scale})"
    if base in ("time", "datetime2", "datetimeoffset"):
        return f"{base}({scale})"
    if base in _RAW:
        return f"{base}({length // 2 if base in _WIDE else length})"
    return base
