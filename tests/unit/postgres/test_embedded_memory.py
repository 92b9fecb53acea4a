"""What the embedded server takes of the memory that there is."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest

from pipeline.postgres.embedded.memory import buffers_mb, memory_bytes

GB = 1 << 30


@pytest.mark.parametrize(("memory", "buffers"), [(GB // 2, 128), (2 * GB, 256), (6 * GB, 768), (64 * GB, 1024)])
def test_an_eighth_within_bounds(memory: int, buffers: int) -> None:
    assert buffers_mb(memory) == buffers


def test_a_container_has_no_more_than_its_limit(tmp_path: Path) -> None:
    limit, none, gone = tmp_path / "memory.max", tmp_path / "none", tmp_path / "gone"
    limit.write_text("1073741824\n")
    none.write_text("max\n")
    machine = psutil.virtual_memory().total
    assert memory_bytes([none, gone, tmp_path]) == machine
    assert memory_bytes([none, limit]) == min(GB, machine)
    assert 0 < memory_bytes() <= machine
