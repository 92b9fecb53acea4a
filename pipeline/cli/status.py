"""`status`: what runs have done in the target, and what is under way."""

from __future__ import annotations

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import JsonOption, open_target
from pipeline.ledger.ledger import Ledger
from pipeline.postgres.connect import connect, translated
from pipeline.report.text import as_json, print_status
from pipeline.settings import load_settings


def status(json: JsonOption = False) -> None:
    """Show the last runs and where the load of each table stands."""
    settings = load_settings()
    console = make_console(stderr=json)
    target = open_target(settings, console)
    with (
        connect(target, application_name="naru status", autocommit=True) as connection,
        translated("reading the ledger"),
    ):
        ledger = Ledger(connection)
        runs, loads = (ledger.runs(), ledger.loads()) if ledger.ready() else ([], [])
    if json:
        answer(as_json({"runs": runs, "loads": loads}))
    print_status(console, runs, loads)
