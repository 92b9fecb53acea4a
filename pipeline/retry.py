"""When something is worth another try: tenacity policies as values.

RECONNECT(connect, target, ...)                 one short piece of work
resuming(lambda: rows_committed)(load_table)    a long one, as patient after an hour as at its start
RECONNECT.copy(wait=wait_none())                a policy with one part exchanged
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    retry_if_not_result,
    stop_after_delay,
    wait_exponential_jitter,
    wait_fixed,
)
from tenacity.stop import stop_base

from pipeline.errors import ConnectionLost, TargetUnavailable
from pipeline.log import get_logger

PATIENCE_S: Final = 180.0
"""A restart of PostgreSQL with crash recovery fits in; a user who mistyped a host does not wait longer."""

_log = get_logger()


def _announce(what: str) -> Callable[[RetryCallState], None]:
    def warn(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        _log.warning(
            f"{what} unavailable, trying again",
            error=getattr(error, "message", str(error)),
            hint=getattr(error, "hint", None),
            attempt=state.attempt_number,
            wait_s=round(state.upcoming_sleep, 2),
        )

    return warn


RECONNECT: Final = Retrying(
    retry=retry_if_exception_type(TargetUnavailable),
    wait=wait_exponential_jitter(multiplier=0.25, max=15, jitter=1),
    stop=stop_after_delay(PATIENCE_S),
    before_sleep=_announce("target"),
    reraise=True,
)
"""Try again while the target is unavailable, for three minutes from the first try."""


REOPEN: Final = RECONNECT.copy(retry=retry_if_exception_type(ConnectionLost), before_sleep=_announce("source"))
"""RECONNECT for a source behind a network."""


BRIEFLY: Final = Retrying(
    retry=retry_if_not_result(bool),
    wait=wait_fixed(0.1),
    stop=stop_after_delay(1),
    retry_error_callback=lambda _: False,
)
"""Ask again for a second until the answer is yes: a session that was closed just now may still be leaving."""


def resuming(progress: Callable[[], object], *, patience_s: float = PATIENCE_S) -> Retrying:
    """RECONNECT for work that takes long and continues where it stopped.

    The patience counts from the first failure since `progress()` last gave another value. It is
    called while the target is unavailable, so it must not ask the target.
    """
    return RECONNECT.copy(stop=_WithoutProgress(progress, patience_s))


class _WithoutProgress(stop_base):
    def __init__(self, progress: Callable[[], object], patience_s: float) -> None:
        self._progress = progress
        self._patience_s = patience_s
        self._seen: object = self
        self._since = 0.0

    def __call__(self, state: RetryCallState) -> bool:
        now = state.outcome_timestamp or state.start_time
        if (current := self._progress()) != self._seen:
            self._seen, self._since = current, now
        return now - self._since >= self._patience_s
