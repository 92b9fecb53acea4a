"""A file with anything wrong in it is read, or ends in our own errors: no hang, no gigabytes, no crash.

Runs `python -m tests.fuzz` in as many parts as there are cores, which the workers of pytest-xdist share. Seeded, so a
failure repeats with the command that it prints; NARU_FUZZ_COUNT and NARU_FUZZ_FIRST choose other seeds (`make fuzz`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

import tests.fuzz.__main__ as fuzz

FIRST = int(os.environ.get("NARU_FUZZ_FIRST", "0"))
COUNT = int(os.environ.get("NARU_FUZZ_COUNT", "0"))
PARTS = os.cpu_count() or 1
_WITHOUT_REFERENCE = 2000
"""The sample alone takes ten times as long to read as most reference files."""


@pytest.mark.timeout(0)  # each mutation has its own
@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files_end_in_our_own_errors(part: int) -> None:
    count = COUNT or (fuzz.COUNT if fuzz.REFERENCE.is_dir() else _WITHOUT_REFERENCE)
    seeds = range(FIRST + part, FIRST + count, PARTS)
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", f"--first={seeds.start}", f"--count={count - part}", f"--step={PARTS}"],
        cwd=fuzz.ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    last = ended.stdout.splitlines()[-1:]
    assert ended.returncode == 0, f"ended with {ended.returncode} at {last}\n{ended.stderr}"
    seen = Counter({name: int(number) for name, number in (it.split("=") for it in last[0].split())})
    assert seen["whole"] > len(seeds), f"the mutations are too strong: {seen}"
    assert seen["DamagedSource"] > len(seeds) / 10, f"the mutations are too weak: {seen}"


def test_a_mutation_can_be_repeated(sample: Path) -> None:
    content = sample.read_bytes()
    made = {fuzz.mutated(sample.name, content, seed) for seed in (*range(20), *range(20))}
    assert len(made) == 20
    assert content not in made


def test_another_error_is_a_failure_that_names_the_mutation(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def broken(path: Path, **_: object) -> None:
        raise ValueError(path.name)

    worker = fuzz.Worker(tmp_path)
    monkeypatch.setattr(fuzz, "read_everything", broken)
    worker.run(7, "routing_ml.accdb")
    (failure,) = worker.failures
    assert failure.startswith("python -m tests.fuzz --file routing_ml.accdb --first 7 --count 1\n")
    assert "ValueError: 7-routing_ml.accdb" in failure
