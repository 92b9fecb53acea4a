"""Which pages belong to a table: its usage map, inline in a row or spread over map pages."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.format import LARGEST_FILE
from pipeline.sources.access.pages.memory import Ints

USAGE_PAGE = 5
_INLINE, _REFERENCE = 0, 1


def mapped_pages(file: AccessFile, pointer: int, *, table: str) -> Ints:
    """Page numbers, ascending, of the usage map at a row pointer; raises DamagedSource when one is outside."""
    pages = claimed_pages(file, pointer, table=table)
    if len(pages) and not 0 < pages[0] <= pages[-1] < file.pages:
        beyond = int(pages[-1])
        raise file.damaged(f"is truncated: it owns page {beyond}, and the file has {file.pages}", table=table)
    return pages


def claimed_pages(file: AccessFile, pointer: int, *, table: str) -> Ints:
    """The same, with pages that a truncated file no longer has; raises DamagedSource for those no file can have."""
    content = file.row(pointer, table=table)
    kind = content[0] if content else None
    if kind == _INLINE and len(content) >= 5:
        pages = _set_bits(content[5:]) + int.from_bytes(content[1:5], "little")
    elif kind == _REFERENCE:
        pages = _referenced(file, np.frombuffer(content[1 : 1 + (len(content) - 1) // 4 * 4], "<u4"), table)
    else:
        raise file.damaged(f"usage map is of unknown kind {kind}", table=table, page=pointer >> 8)
    if len(pages) and int(pages[-1]) * file.format.page_size >= LARGEST_FILE:
        raise file.damaged(f"usage map has page {pages[-1]}, beyond the largest file", table=table, page=pointer >> 8)
    return pages


def _referenced(file: AccessFile, maps: npt.NDArray[np.uint32], table: str) -> Ints:
    """Each map page covers the next (page size - 4) * 8 pages; 0 stands for a map with nothing in it."""
    span, found = (file.format.page_size - 4) * 8, [np.zeros(0, np.int64)]
    for index, page in enumerate(maps.tolist()):
        if page:
            content = file.page(page, table=table)
            if content[0] != USAGE_PAGE:
                raise file.damaged(f"is of type {content[0]}, not a usage map", table=table, page=page)
            found.append(_set_bits(content[4:]) + index * span)
    return np.concatenate(found)


def _set_bits(bitmap: bytes) -> Ints:
    return np.flatnonzero(np.unpackbits(np.frombuffer(bitmap, np.uint8), bitorder="little")).astype(np.int64)
