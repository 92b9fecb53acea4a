from __future__ import annotations

from pathlib import Path

from pipeline.dialects.reference import type_rules

_FILE = Path(__file__).parents[3] / "docs" / "type-rules.md"


def test_the_committed_page_is_current() -> None:
    assert _FILE.read_text("utf-8") == type_rules(), "run: python -m pipeline.dialects.reference > docs/type-rules.md"
