"""`health`: does the target answer, for monitors and load balancers."""

from __future__ import annotations

import json
from concurrent.futures import Future, TimeoutError
from threading import Thread
from typing import Annotated

import typer

from pipeline.cli.console import answer
from pipeline.errors import NaruError, TargetError
from pipeline.log import masked
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.records import one
from pipeline.postgres.sql import SQL
from pipeline.settings import Settings, load_settings


def health(
    timeout: Annotated[
        float, typer.Option(metavar="S", min=0.1, max=600, help="Seconds that the answer may take.")
    ] = 5.0,
) -> None:
    """Ask the target one question and print the answer as JSON; exit 5 when it does not answer in time."""
    try:
        _within(timeout, load_settings())
    except NaruError as error:
        answer(_line(status="error", database="postgresql", error=masked(error.message)))
        raise typer.Exit(error.exit_code) from error
    answer(_line(status="ok", database="postgresql"))


def _line(**told: str) -> str:
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def _within(timeout_s: float, settings: Settings) -> None:
    """Asked beside this thread: no timeout of libpq's covers a server that accepts and then says nothing."""
    asked: Future[None] = Future()

    def ask() -> None:
        try:
            _ask(settings)
            asked.set_result(None)
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            asked.set_exception(error)

    Thread(target=ask, daemon=True).start()
    try:
        asked.result(timeout_s)
    except TimeoutError:
        raise TargetError(f"no answer within {timeout_s:g} s") from None


def _ask(settings: Settings) -> None:
    with connect(_target(settings), application_name="naru health", autocommit=True) as connection:
        one(connection, SQL("select 1"))


def _target(settings: Settings) -> Target:
    """A look does not start the embedded server."""
    if settings.target_configured:
        return Target.from_settings(settings)
    try:
        return EmbeddedServer(settings.naru_home).target()
    except OSError as error:  # as of a monitor that runs as another user
        told = f"the embedded server in {settings.naru_home} cannot be looked at: {error.strerror}"
        raise TargetError(told, hint="run as the user who started it, or name the target") from error
