"""`losses`: what arrived otherwise than the source holds it, and by what rule."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import JsonOption, open_target
from pipeline.ledger.ledger import Ledger
from pipeline.ledger.losses import loss_counts
from pipeline.ledger.losses import losses as stored_losses
from pipeline.postgres.connect import Connection, connect, translated
from pipeline.record import LossCount, StoredLoss
from pipeline.report.text import as_json, print_losses
from pipeline.settings import load_settings


def losses(
    table: Annotated[str | None, typer.Option(metavar="T", help="Only of this target table.")] = None,
    column: Annotated[str | None, typer.Option(metavar="C", help="Only of this column, of target or source.")] = None,
    rule: Annotated[str | None, typer.Option(metavar="R", help="Only by this rule: trim, offset, cast ...")] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="Values to show.")] = 20,
    json: JsonOption = False,
) -> None:
    """Show the values that were changed on their way, by intent, as source and target hold them."""
    settings = load_settings()
    console = make_console(stderr=json)
    target = open_target(settings, console)
    with (
        connect(target, application_name="naru losses", autocommit=True) as connection,
        translated("reading the losses"),
        connection.transaction(),
    ):
        found = Ledger(connection).ready()
        counts, shown = _recorded(connection, table, column, rule, limit) if found else ([], [])
    if json:
        answer(as_json({"summary": counts, "losses": shown}))
    else:
        print_losses(console, counts, shown)


def _recorded(
    connection: Connection, table: str | None, column: str | None, rule: str | None, limit: int
) -> tuple[list[LossCount], list[StoredLoss]]:
    """Counts, and the oldest values, of what is asked for; a table's name may come with its schema."""
    counts = [row for row in loss_counts(connection, column=column, rule=rule) if table is None or table in _names(row)]
    if table is None:
        return counts, list(stored_losses(connection, column=column, rule=rule, limit=limit))
    places = dict.fromkeys((row.target_schema, row.target_table) for row in counts)
    shown = [
        loss
        for schema, name in places
        for loss in stored_losses(connection, schema=schema, table=name, column=column, rule=rule, limit=limit)
    ]
    return counts, shown[:limit]


def _names(row: LossCount) -> tuple[str, str]:
    return row.target_table, f"{row.target_schema}.{row.target_table}"
