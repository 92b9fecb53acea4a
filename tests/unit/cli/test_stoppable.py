"""A stop that comes twice, and one that is not meant."""

from __future__ import annotations

import signal
import sys

import pytest

from pipeline.cli.backup import stoppable
from pipeline.errors import Interrupted


def test_a_second_stop_does_not_break_off_the_tidying() -> None:
    tidied = False

    def work() -> None:
        nonlocal tidied
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGINT)
            tidied = True

    with pytest.raises(Interrupted), stoppable():
        work()
    assert tidied


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP")
def test_what_nohup_has_started_outlives_the_terminal() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stoppable():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
