"""How much memory the embedded server may take."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
"""Of a container, by both versions of Linux's control groups."""
_LEAST_MB: Final = 128
"""PostgreSQL's own default."""
_MOST_MB: Final = 1024


def memory_bytes(limits: Sequence[Path] = _LIMITS) -> int:
    """Of this machine, or of the container that it is; a limit that is none (`max`) is passed over."""
    known = [int(psutil.virtual_memory().total)]
    for path in limits:
        with suppress(OSError, ValueError):  # not there, not ours to read, or no number
            known.append(int(path.read_text(encoding="ascii")))
    return min(known)


def buffers_mb(memory: int) -> int:
    """An eighth, and no more than 1 GB: pages just loaded stay in memory until their keys are built."""
    return max(_LEAST_MB, min(_MOST_MB, memory // 8 >> 20))
