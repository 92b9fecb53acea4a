"""The second opinion: silent where both readers agree, and precise where they do not."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.sources.access import AccessSource
from pipeline.sources.access.cross_check import cross_check

pytest.importorskip("access_parser", reason="access-parser is optional, and not installed")


def places(path: Path) -> list[tuple[str, str | None]]:
    with AccessSource(path) as source:
        return [(found.table, found.column) for found in cross_check(path, source)]


def test_two_readers_agree_on_plain_tables(shared: Path) -> None:
    assert places(shared / "access" / "reference" / "indexV2003.mdb") == []


def test_each_column_that_is_read_otherwise_is_named(shared: Path) -> None:
    """access-parser gives decimals of a fixed place as their bytes."""
    found = places(shared / "access" / "reference" / "fixedNumericV2000.mdb")
    assert found == [("test", f"col{n}") for n in range(2, 8)]


def test_a_file_that_the_other_cannot_open_is_a_disagreement(sample: Path) -> None:
    assert places(sample) == [("*", None)]
