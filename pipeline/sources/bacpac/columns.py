"""One column of some rows as an Arrow array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.sources.bacpac.layout import Field, Form
from pipeline.sources.bacpac.rows import BadValue, Cells
from pipeline.sources.bacpac.scalars import arrow_array
from pipeline.sources.bacpac.text import text_array
from pipeline.sources.text import Flaw

_SHOWN_BYTES = 20


def decode_column(field: Field, cells: Cells, content: bytes) -> tuple[Any, tuple[Flaw, ...]]:
    """pyarrow.Array of the column, and the texts that are NULL as they are none; raises BadValue."""
    if field.form is Form.SCALAR:
        return _scalars(field, cells, content), ()
    starts = cells.starts.tolist()
    ends = (cells.starts + cells.lengths).tolist()
    values = [content[start:end] for start, end in zip(starts, ends, strict=True)]
    if field.form is Form.TEXT:
        return text_array(values, cells.valid)
    offsets = np.zeros(len(values) + 1, np.int64)
    np.cumsum(cells.lengths, out=offsets[1:])
    mask = None if cells.valid.all() else pa.py_buffer(np.packbits(cells.valid, bitorder="little"))
    buffers = [mask, pa.py_buffer(offsets), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.large_binary(), len(values), buffers), ()


def _scalars(field: Field, cells: Cells, content: bytes) -> Any:
    # A NULL at the end of the content has no bytes: it takes those of the last place that has, and is masked.
    places = cells.starts[:, None] + np.arange(field.width)
    raw = np.frombuffer(content, np.uint8).take(places, mode="clip")
    values, good = field.scalar.read(raw, field.type.args)
    for row in () if good is None else np.flatnonzero(cells.valid & ~good)[:1].tolist():
        raise BadValue(row, f"holds {raw[row, :_SHOWN_BYTES].tobytes().hex()}, which is no {field.type}")
    return arrow_array(field.scalar, values, cells.valid, field.type.args)
