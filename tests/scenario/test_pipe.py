"""`| head` has seen enough: no traceback, and the exit code stays what the command comes to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.scenario.conftest import Naru


def _unheard(naru: Naru, *arguments: str | Path) -> tuple[int, str]:
    """Exit code and standard error of a command whose standard output nobody reads."""
    read, write = os.pipe()
    os.close(read)
    process = naru.start(*arguments, stdout=write)
    os.close(write)
    _, err = process.communicate(timeout=240)
    return process.returncode, err


@pytest.mark.parametrize("command", ["inspect", "inspect --json", "map", "ddl"])
def test_an_answer_that_nobody_reads_is_no_failure(naru: Naru, sample: Path, command: str) -> None:
    assert _unheard(naru, *command.split(), sample) == (0, "")


@pytest.mark.parametrize("flags", [(), ("--json",)])
def test_findings_that_nobody_reads_are_still_findings(naru: Naru, sample: Path, flags: tuple[str, ...]) -> None:
    code, err = _unheard(naru, "verify", sample, *flags)
    assert code == 1
    assert "Traceback" not in err
    assert "Broken" not in err
