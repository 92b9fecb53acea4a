"""How the command starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_what_the_start_puts_off_is_on_when_a_command_runs() -> None:
    """Garbage is collected, but not looked for among what the modules made."""
    asked = "import gc, pipeline.__main__; print(gc.isenabled(), gc.get_freeze_count() > 100_000)"
    said = subprocess.check_output([sys.executable, "-c", asked], cwd=ROOT, text=True)
    assert said == "True True\n"


_CTRL_C_AMID_IMPORTS = """
import os, runpy, signal, sys

class CtrlC:
    def find_spec(self, name, *_):
        if name == "polars":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, CtrlC())
signal.signal(signal.SIGINT, getattr(signal, sys.argv.pop()))
runpy.run_module("pipeline", run_name="__main__")
"""


@pytest.mark.skipif(os.name == "nt", reason="a process cannot send itself Ctrl-C here")
@pytest.mark.parametrize(("heard", "code"), [("default_int_handler", -signal.SIGINT), ("SIG_IGN", 0)])
def test_ctrl_c_before_anything_has_begun_ends_it_without_a_word(heard: str, code: int) -> None:
    asked = [sys.executable, "-c", _CTRL_C_AMID_IMPORTS, "--help", heard]
    done = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (code, "")
