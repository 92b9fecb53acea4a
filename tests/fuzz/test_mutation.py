"""A file with anything wrong in it is read, or ends in our own errors: no hang, no gigabytes, no crash.

Runs `python -m tests.fuzz` once per core. Seeded, so a failure repeats with the command that it prints;
NARU_FUZZ_COUNT and NARU_FUZZ_FIRST choose other seeds (`make fuzz`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import tests.fuzz.__main__ as fuzz

FIRST = int(os.environ.get("NARU_FUZZ_FIRST", "0"))
COUNT = int(os.environ.get("NARU_FUZZ_COUNT", "0"))
_WITHOUT_REFERENCE = 2000
"""The sample alone takes ten times as long to read as most reference files."""


def _worker(first: int, count: int, step: int) -> subprocess.CompletedProcess[str]:
    numbers = (f"--first={first}", f"--count={count}", f"--step={step}")
    command = [sys.executable, "-m", "tests.fuzz", *numbers]
    return subprocess.run(command, cwd=fuzz.ROOT, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.timeout(0)  # each mutation has its own
def test_mutated_files_end_in_our_own_errors() -> None:
    count = COUNT or (fuzz.COUNT if fuzz.REFERENCE.is_dir() else _WITHOUT_REFERENCE)
    cores, seen = os.cpu_count() or 1, Counter[str]()
    with ThreadPoolExecutor(cores) as pool:
        ended = list(pool.map(_worker, range(FIRST, FIRST + cores), [count] * cores, [cores] * cores))
    for worker in ended:
        last = worker.stdout.splitlines()[-1:]
        assert worker.returncode == 0, f"ended with {worker.returncode} at {last}\n{worker.stderr}"
        seen.update({name: int(number) for name, number in (part.split("=") for part in last[0].split())})
    assert seen["whole"] > count, f"the mutations are too strong: {seen}"
    assert seen["DamagedSource"] > count / 10, f"the mutations are too weak: {seen}"


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
