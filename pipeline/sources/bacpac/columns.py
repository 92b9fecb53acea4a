"""One column of some rows as an Arrow array."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from pipeline.sources.bacpac.layout import Form
from pipeline.sources.bacpac.rows import RowShape, Walk
from pipeline.sources.bacpac.scalars import Bools, Ints, arrow_array
from pipeline.sources.bacpac.text import Flaw, text_array

_SHOWN_BYTES = 20


class BadValue(ValueError):
    """A value that SQL Server cannot have written, with its row."""

    def __init__(self, row: int, text: str) -> None:
        super().__init__(text)
        self.row = row


def decode_column(shape: RowShape, walk: Walk, content: bytes, at: int) -> tuple[Any, tuple[Flaw, ...]]:
    """pyarrow.Array of the column at that place, and the texts that are NULL as they are none; raises BadValue."""
    seen = np.frombuffer(content, np.uint8)
    lengths, valid = shape.lengths(walk, seen, at)
    starts = shape.values(walk, seen, at)
    if shape.fields[at].form is Form.SCALAR:
        return _scalars(shape, content, at, starts, valid), ()
    cells = [content[start : start + length] for start, length in zip(starts.tolist(), lengths.tolist(), strict=True)]
    if shape.fields[at].form is Form.TEXT:
        return text_array(cells, valid)
    ends = np.zeros(len(cells) + 1, np.int64)
    np.cumsum(lengths, out=ends[1:])
    mask = None if valid.all() else pa.py_buffer(np.packbits(valid, bitorder="little"))
    buffers = [mask, pa.py_buffer(ends), pa.py_buffer(b"".join(cells))]
    return pa.Array.from_buffers(pa.large_binary(), len(cells), buffers), ()


def _scalars(shape: RowShape, content: bytes, at: int, starts: Ints, valid: Bools) -> Any:
    field = shape.fields[at]
    # A NULL at the end of the content has no bytes: it takes those of the last place that has, and is masked.
    places = starts[:, None] + np.arange(field.width)
    raw = np.frombuffer(content, np.uint8).take(places, mode="clip")
    values, good = field.scalar.read(raw, field.type.args)
    for row in () if good is None else np.flatnonzero(valid & ~good)[:1].tolist():
        raise BadValue(row, f"holds {raw[row, :_SHOWN_BYTES].tobytes().hex()}, which is no {field.type}")
    return arrow_array(field.scalar, values, valid, field.type.args)
