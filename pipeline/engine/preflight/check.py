"""What a check is: a question with an answer for the user, and how its failures become one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from pipeline.errors import NaruError, TargetUnavailable, UsageError
from pipeline.outcome import Answer, Standing
from pipeline.postgres.connect import translated

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said:
    """What a check found: all is well, or with `mend` something that the user should know of."""

    text: str
    mend: str | None = None


@dataclass(frozen=True, slots=True)
class Check(Generic[P]):
    """One question. `ask` raises the error, with its hint, that a run would otherwise end in."""

    name: str
    ask: Callable[P, Said]
    passes: str
    warns: str
    """When, for docs/preflight.md; empty: never."""
    fails: str


def answers(checks: Iterable[Check[P]], *args: P.args, **kwargs: P.kwargs) -> Iterator[Answer]:
    """Each check's answer; raises what a run would end in."""
    for check in checks:
        yield _answered(check.name, _ask(check, *args, **kwargs))


def all_answers(checks: Iterable[Check[P]], *args: P.args, **kwargs: P.kwargs) -> Iterator[Answer]:
    """As `answers`, with failures among them."""
    for check in checks:
        try:
            yield _answered(check.name, _ask(check, *args, **kwargs))
        except NaruError as error:
            yield failed(check.name, error)


def unasked(checks: Iterable[Check[...]], why: str) -> Iterator[Answer]:
    for check in checks:
        yield Answer(check.name, Standing.WARN, f"unknown: {why}")


def tried(name: str, make: Callable[[], tuple[T, str]]) -> tuple[T | None, Answer]:
    """What `make` makes and tells, as a check that passes, or None and the failure; raises UsageError."""
    try:
        made, told = make()
    except UsageError:
        raise
    except NaruError as error:
        return None, failed(name, error)
    return made, Answer(name, Standing.PASS, told)


def failed(name: str, error: NaruError) -> Answer:
    return Answer(name, Standing.FAIL, error.message, error.hint, error.exit_code)


def _answered(name: str, said: Said) -> Answer:
    return Answer(name, Standing.WARN if said.mend else Standing.PASS, said.text, said.mend)


def _ask(check: Check[P], *args: P.args, **kwargs: P.kwargs) -> Said:
    """A question that PostgreSQL refuses says nothing about what a run may do: it is unknown, and so no failure."""
    try:
        with translated("unknown"):
            return check.ask(*args, **kwargs)
    except TargetUnavailable:
        raise
    except NaruError as error:
        if error.__cause__ is None:
            raise
        return Said(error.message, error.hint or "ask an administrator of the server")
