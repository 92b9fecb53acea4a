from __future__ import annotations

from pathlib import Path

from pipeline.engine.preflight.reference import preflight

_PAGE = Path(__file__).parents[4] / "docs" / "preflight.md"


def test_the_page_of_the_checks_is_current() -> None:
    assert _PAGE.read_text("utf-8") == preflight(), "run: make generated"
