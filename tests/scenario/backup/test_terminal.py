"""What is seen of a backup on a terminal."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from pipeline.postgres.connect import Target
from tests.scenario.backup.backups import Slow, everything
from tests.scenario.conftest import Naru

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a terminal is another thing there")


@contextmanager
def terminal() -> Iterator[tuple[int, list[bytes]]]:
    """The end of a terminal for a program's output, and, once the block is left, what was written to it."""
    import pty  # not of Windows

    ours, theirs = pty.openpty()
    read: list[bytes] = []

    def follow() -> None:
        with suppress(OSError):  # Linux: nobody has the other end any more
            while piece := os.read(ours, 1 << 16):
                read.append(piece)

    reader = threading.Thread(target=follow)
    reader.start()
    try:
        yield theirs, read
    finally:
        os.close(theirs)
        reader.join(60)
        os.close(ours)


def test_on_a_terminal_every_phase_is_drawn(filled: Target, naru: Naru) -> None:
    with terminal() as (end, drawn):
        process = naru.start("backup", "run", "--verify", "restore", stdout=end)
        _, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    shown = b"".join(drawn).decode()
    assert shown.count("5 of 5 tables") >= 2, "at the moment of the dump, and restored"
    assert "dumping 5 tables with pg_dump" in shown
    assert "restoring into an embedded server of its own" in shown
    assert "restored and equal" in shown
    (log,) = (naru.directory / "logs").glob("*.log")
    ended = [json.loads(line) for line in log.read_text("utf-8").splitlines() if '"phase ended"' in line]
    assert all({"phase", "seconds"} <= {*it} for it in ended)
    assert [it.get("tables") for it in ended if "counting" in it["phase"]] == [5, 5]


def test_a_stop_on_a_terminal_leaves_no_backup_and_the_cursor(filled: Target, naru: Naru, slow: Slow) -> None:
    with terminal() as (end, drawn):
        process = naru.start("backup", "run", stdout=end)
        slow.wait(process)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 8, err
    assert not everything(naru)
    shown = b"".join(drawn).decode()
    assert shown.rindex("\x1b[?25h") > shown.rindex("\x1b[?25l")
