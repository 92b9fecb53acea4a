"""`server`: the embedded PostgreSQL."""

from __future__ import annotations

import os
import subprocess

import typer

from pipeline.cli.console import answer, make_console
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.settings import load_settings

app = typer.Typer(help="Start, stop and enter the embedded PostgreSQL.", no_args_is_help=True)


def _server() -> EmbeddedServer:
    return EmbeddedServer(load_settings().naru_home)


@app.command()
def start() -> None:
    """Start it, and make it first where there is none."""
    make_console().print(f"running: {_server().ensure_running().describe()}", markup=False, highlight=False)


@app.command()
def stop() -> None:
    """Stop it; its data stay."""
    stopped = _server().stop()
    make_console().print("stopped" if stopped else "it was not running")


@app.command()
def url(
    password: bool = typer.Option(False, "--password", help="With the password, for another program to read."),
) -> None:
    """Print its connection URL."""
    target = _server().target()
    answer(target.url().get_secret_value() if password else target.describe())


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def psql(context: typer.Context) -> None:
    """Enter it with psql; further arguments go to psql."""
    server = _server()
    target = server.ensure_running()
    command = [str(server.psql), *context.args]
    ended = subprocess.run(command, env=target.environment(os.environ), check=False)
    raise typer.Exit(ended.returncode)
