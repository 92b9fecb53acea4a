from __future__ import annotations

from collections.abc import Callable

import pytest
from structlog.testing import capture_logs
from tenacity import RetryCallState, wait_none

from pipeline.errors import ConnectionLost, TargetError, TargetUnavailable
from pipeline.retry import PATIENCE_S, RECONNECT, REOPEN, resuming


class _Flaky:
    """Fails a number of times, then answers."""

    def __init__(self, failures: int, error: Callable[[], Exception]) -> None:
        self.calls = 0
        self._failures = failures
        self._error = error

    def __call__(self) -> str:
        self.calls += 1
        if self.calls <= self._failures:
            raise self._error()
        return "done"


def _gone() -> Exception:
    return TargetUnavailable("connection refused")


def test_an_unavailable_target_is_tried_again_and_each_time_is_logged() -> None:
    work = _Flaky(3, _gone)
    with capture_logs() as events:
        assert RECONNECT.copy(wait=wait_none())(work) == "done"
    assert [event["attempt"] for event in events] == [1, 2, 3]
    assert events[0]["error"] == "connection refused"


def test_other_errors_are_not_tried_again() -> None:
    work = _Flaky(1, lambda: TargetError("permission denied"))
    with pytest.raises(TargetError, match="permission denied"):
        RECONNECT(work)
    assert work.calls == 1


def _state(number: int, at_s: float, started_s: float = 0.0) -> RetryCallState:
    state = RetryCallState(RECONNECT, None, (), {})
    state.attempt_number = number
    state.start_time, state.outcome_timestamp = started_s, at_s
    return state


def test_a_source_behind_a_network_is_tried_again_and_the_log_says_which_end_it_is() -> None:
    work = _Flaky(2, lambda: ConnectionLost("h/d: the line is dead"))
    with capture_logs() as events:
        assert REOPEN.copy(wait=wait_none())(work) == "done"
    assert [event["event"] for event in events] == ["source unavailable, trying again"] * 2
    with pytest.raises(TargetUnavailable):
        REOPEN(_Flaky(1, _gone))


def test_waits_grow_to_fifteen_seconds() -> None:
    waits = [RECONNECT.wait(_state(number, 0)) for number in (1, 4, 30)]
    assert waits[0] < 2 < waits[1] < waits[2] <= 15


def test_a_first_connection_is_given_up_after_three_minutes() -> None:
    assert not RECONNECT.stop(_state(9, PATIENCE_S - 1))
    assert RECONNECT.stop(_state(10, PATIENCE_S))


def test_patience_is_renewed_by_progress_and_only_by_it() -> None:
    rows = 0
    stop = resuming(lambda: rows, patience_s=100).stop
    hour = 3600.0
    assert not stop(_state(1, hour)), "the first failure after an hour of work is not the last"
    assert not stop(_state(2, hour + 99))
    rows = 1
    assert not stop(_state(3, hour + 150))
    assert not stop(_state(4, hour + 249))
    assert stop(_state(5, hour + 250))


def test_two_policies_do_not_share_their_patience() -> None:
    first, second = (resuming(lambda: 0, patience_s=10).stop for _ in range(2))
    assert not first(_state(1, 0.0))
    assert not second(_state(1, 50.0))
    assert first(_state(2, 50.0))


def test_the_last_error_itself_comes_out() -> None:
    with pytest.raises(TargetUnavailable, match="connection refused"):
        resuming(lambda: 0, patience_s=0)(_Flaky(1, _gone))
