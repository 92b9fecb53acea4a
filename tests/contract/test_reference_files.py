"""docs/reference-files.md says what holds now."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.bacpac_files import FILES
from tests.contract.reference_files import REFERENCE, document

_PAGE = Path(__file__).parents[2] / "docs" / "reference-files.md"


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared/access with the reference dumps is missing")
@pytest.mark.skipif(not FILES, reason="../shared/bacpac is missing")
def test_the_committed_table_is_current() -> None:
    assert _PAGE.read_text("utf-8") == document(), "run: make generated"
