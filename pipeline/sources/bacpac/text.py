"""Text of a .bacpac, which is UTF-16 whatever the column's collation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.sources.bacpac.scalars import Bools
from pipeline.sources.codepage import UTF_16
from pipeline.sources.text import Flaw, decode_packed


def text_array(cells: Sequence[bytes | memoryview], valid: Bools) -> tuple[Any, tuple[Flaw, ...]]:
    """large_string array of UTF-16 cells of even length, one for each row, empty where it is not valid."""
    ends = np.zeros(len(cells) + 1, np.int64)
    np.cumsum(np.fromiter(map(len, cells), np.int64, len(cells)), out=ends[1:])
    return decode_packed(b"".join(cells), ends, valid, UTF_16)
