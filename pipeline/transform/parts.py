"""The steps that take parts out of a value, by the names that `mapping.parts` gives them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pipeline.mapping.models import ColumnMapping
from pipeline.transform.hyperlink import HyperlinkPart
from pipeline.transform.ole import OlePart, Unwrapped
from pipeline.transform.step import Step
from pipeline.transform.ticks import Offset

_HYPERLINK = ("hyperlink_text", "hyperlink_address", "hyperlink_subaddress", "hyperlink_screen_tip")
_OLE: dict[str, tuple[Callable[[Unwrapped], bytes | str | None], pl.DataType]] = {
    "ole_data": (lambda value: value.data, pl.Binary()),
    "ole_file_name": (lambda value: value.file_name, pl.String()),
    "ole_class": (lambda value: value.class_name, pl.String()),
}


def part_step(name: str, mapping: ColumnMapping) -> Step:
    """The step of that name, as the column's other options have it."""
    if name in _HYPERLINK:
        return HyperlinkPart(_HYPERLINK.index(name))
    if name == "offset":
        return Offset()
    take, dtype = _OLE[name]
    return OlePart(take, dtype, mapping.encoding.repair if mapping.encoding else None)
