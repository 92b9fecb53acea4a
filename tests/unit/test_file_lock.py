"""One process at a time holds a file, and gives it up however it ends."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.errors import BackupError, LockedError
from pipeline.file_lock import alone

HOLDER = """
import sys
from pathlib import Path
from pipeline.errors import BackupError, LockedError
from pipeline.file_lock import alone
with alone(Path(sys.argv[1]), held=LockedError("held"), otherwise=BackupError, hint="-"):
    print("mine", flush=True)
    sys.stdin.read()
"""


def take(path: Path, timeout_s: float = 0) -> None:
    with alone(path, held=LockedError("another has it"), otherwise=BackupError, hint="look there", timeout_s=timeout_s):
        pass


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds `lock` until its input ends."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "lock")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdout.readline() == "mine\n"
        yield process
        process.kill()


def test_another_process_is_refused_until_the_holder_is_killed(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    for timeout_s in (0, 0.1):
        with pytest.raises(LockedError, match="another has it"):
            take(tmp_path / "lock", timeout_s)
    holder.kill()
    holder.wait()
    take(tmp_path / "lock")


def test_one_who_waits_has_it_when_the_holder_is_done(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    assert holder.stdin
    holder.stdin.close()
    take(tmp_path / "lock", timeout_s=60)


def test_it_is_given_up_where_the_work_fails(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        alone(tmp_path / "lock", held=LockedError("held"), otherwise=BackupError, hint="-"),
    ):
        raise ZeroDivisionError
    take(tmp_path / "lock")


def test_a_file_that_cannot_be_locked_is_named(tmp_path: Path) -> None:
    (tmp_path / "other").write_text("no database\n" * 1000)
    for path in (tmp_path / "other", tmp_path / "nowhere" / "lock", tmp_path):
        with pytest.raises(BackupError) as refused:
            take(path)
        assert refused.value.message.startswith(f"{path} cannot be locked: ")
        assert refused.value.hint == "look there"
    assert (tmp_path / "other").read_text() == "no database\n" * 1000
