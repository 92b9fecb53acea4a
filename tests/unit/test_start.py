"""How the command starts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_what_the_start_puts_off_is_on_when_a_command_runs() -> None:
    """Garbage is collected, but not looked for among what the modules made."""
    asked = "import gc, pipeline.__main__; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    said = subprocess.check_output([sys.executable, "-c", asked], cwd=Path(__file__).parents[2], text=True)
    assert said == "True True\n"
