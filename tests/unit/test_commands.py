"""A fork is told from an interpreter by its speed alone."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import commands

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="commands are not forked here")

_ROOT = Path(__file__).parents[2]
_FRAMES = re.compile(r"^ .*\n", re.MULTILINE)
_ENDS = {
    "returns": "print('가')",
    "exits": "import sys; print('out'); sys.exit(3)",
    "exits-with-none": "import sys; sys.exit(None)",
    "exits-with-words": "import sys; sys.exit('가 words')",
    "fails": "print('before'); raise ValueError('가')",
    "is-killed": "import os, signal; print('not written'); os.kill(os.getpid(), signal.SIGKILL)",
    "leaves-at-once": "import os; print('not written'); os._exit(4)",
    "says-much": "import sys; print('가' * 700_000); print('나' * 700_000, file=sys.stderr)",
    "says-goodbye": "import atexit; atexit.register(print, 'last'); print('first')",
    "leaves-threads": """import threading, time
threading.Thread(target=time.sleep, args=[600], daemon=True).start()
threading.Thread(target=lambda: (time.sleep(0.1), print('waited for'))).start()
print('first')""",
}
_ALL_THAT_IS_GIVEN = """import gc, locale, os, signal, sys, time
print(sys.argv, os.getcwd(), sys.path, __name__, __package__, __file__)
print(sorted((name, value) for name, value in os.environ.items() if name != "_RJEM_MALLOC_CONF"))  # which polars sets
os.system("env | grep -v -e _RJEM_MALLOC_CONF -e ^_= | sort")
print(sys.flags, sys.getfilesystemencoding(), locale.setlocale(locale.LC_ALL), time.tzname, time.localtime(0))
print(*(signal.getsignal(number) for number in sorted(signal.valid_signals())), signal.pthread_sigmask(0, []))
print(gc.isenabled(), gc.get_threshold(), sorted(os.listdir("/proc/self/fd")))
for stream in (sys.stdin, sys.stdout, sys.stderr):
    print(stream.encoding, stream.errors, stream.line_buffering, stream.write_through, stream.isatty())
print(repr(sys.stdin.readline()), repr(sys.stdin.read()))
"""


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """With our package, and without a variable that the process of the tests has."""
    given = dict(os.environ) | {"PYTHONPATH": str(_ROOT)}
    monkeypatch.setenv("NARU_OF_THE_TESTS", "1")
    return given


def both(
    directory: Path, environment: dict[str, str], program: str, typed: str | None = None
) -> list[tuple[int, str, str]]:
    """What a fork and an interpreter come to: exit code and streams, less the frames of a traceback."""
    (directory / "program.py").write_text(program, encoding="utf-8")
    how: dict[str, Any] = {"directory": directory, "environment": environment, "typed": typed}
    all_ended = [commands.run("program", "a b", "--가", **how, fresh=fresh) for fresh in (False, True)]
    return [(ended.returncode, ended.stdout, _FRAMES.sub("", ended.stderr)) for ended in all_ended]


@pytest.mark.parametrize("name", _ENDS)
def test_it_ends_as_the_interpreter_does(tmp_path: Path, environment: dict[str, str], name: str) -> None:
    forked, started = both(tmp_path, environment, _ENDS[name])
    assert forked == started


@pytest.mark.parametrize("typed", [None, "", "비밀\nmore\n", "x" * 1_000_000])
def test_it_is_given_what_the_interpreter_is(tmp_path: Path, environment: dict[str, str], typed: str | None) -> None:
    forked, started = both(tmp_path, environment, _ALL_THAT_IS_GIVEN, typed)
    assert started[0] == 0, started[2]
    assert forked == started


def test_what_an_import_may_read_is_as_given(tmp_path: Path, environment: dict[str, str]) -> None:
    changed = environment | {"TZ": "Asia/Seoul", "PYTHONUTF8": "0", "LC_ALL": "C", "PYTHONUNBUFFERED": ""}
    forked, started = both(tmp_path, changed, _ALL_THAT_IS_GIVEN)
    assert "'KST'" in started[1]
    assert forked == started


def test_a_command_names_itself_in_its_help_as_it_is_called(tmp_path: Path, environment: dict[str, str]) -> None:
    asked = commands.run("pipeline", "--help", directory=tmp_path, environment=environment)
    assert "Usage: python -m pipeline" in asked.stdout


def test_no_import_starts_a_thread_that_a_fork_would_miss(tmp_path: Path, environment: dict[str, str]) -> None:
    """A query on import would start those of polars, which every start would pay for."""
    (tmp_path / "program.py").write_text(
        "import os, pathlib\n"
        "for task in pathlib.Path(f'/proc/{os.getppid()}/task').iterdir(): print((task / 'comm').read_text(), end='')",
        encoding="utf-8",
    )
    alone = environment | {"OPENBLAS_NUM_THREADS": "1"}  # its threads have no names
    names = commands.run("program", directory=tmp_path, environment=alone).stdout.splitlines()
    unnamed = [name for name in names if name not in {"jemalloc_bg_thd", "polars-ooc-clea"}]
    assert len(unnamed) == 1, f"besides the main thread: {unnamed}"


def test_a_command_that_does_not_end_is_killed(
    tmp_path: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TIMEOUT_S", 1)
    (tmp_path / "program.py").write_text(
        "import os, pathlib, time; pathlib.Path('pid').write_text(str(os.getpid())); time.sleep(600)", encoding="utf-8"
    )
    with pytest.raises(subprocess.TimeoutExpired):
        commands.run("program", directory=tmp_path, environment=environment)
    pid = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_command_does_not_outlive_tests_that_are_killed(tmp_path: Path, environment: dict[str, str]) -> None:
    (tmp_path / "program.py").write_text(
        "import os, pathlib, time; pathlib.Path('new').write_text(str(os.getpid())); os.rename('new', 'pid');"
        " time.sleep(600)",
        encoding="utf-8",
    )
    asks = "import os, pathlib; from tests import commands; commands.run('program', directory=pathlib.Path.cwd(),"
    asks += " environment=os.environ)"
    with subprocess.Popen([sys.executable, "-c", asks], cwd=tmp_path, env=environment) as tests:
        _wait_until((tmp_path / "pid").exists)
        tests.kill()
    pid = int((tmp_path / "pid").read_text())
    _wait_until(lambda: not Path("/proc", str(pid)).exists())


def _wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
