"""Files that are made from the code and committed, so that they can be read without running it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_MAKERS = {
    "schema.sql": ("pipeline", "ddl", "samples/routing_ml.accdb", "--mapping", "mappings/routing_ml.yaml", "-o"),
    "docs/cli.md": (
        "typer", "pipeline.cli.app", "utils", "docs",
        "--name", "python -m pipeline", "--title", "Command line", "--output",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _MAKERS)
def test_the_committed_file_is_current(name: str, tmp_path: Path) -> None:
    made = tmp_path / "made"
    command = [sys.executable, "-m", *_MAKERS[name], str(made)]
    ended = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, encoding="utf-8", check=False)
    assert ended.returncode == 0, ended.stderr
    assert (_ROOT / name).read_text("utf-8") == made.read_text("utf-8"), "run: make generated"


def test_make_generated_makes_them_the_same_way() -> None:
    """What the test compares with is what a developer is told to run."""
    makefile = (_ROOT / "Makefile").read_text("utf-8").replace('"', "")
    for name, maker in _MAKERS.items():
        assert f"python -m {' '.join(maker)} {name}\n" in makefile
