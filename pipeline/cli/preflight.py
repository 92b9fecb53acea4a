"""`preflight`: would a run come through?"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import (
    CodePageOption,
    JsonOption,
    LinksOption,
    MappingOption,
    Opened,
    PasswordOption,
    SalvageOption,
    SourceArgument,
    TablesOption,
    load_source_settings,
    open_target,
    opened_plan,
    run_of,
)
from pipeline.engine.preflight.check import all_answers, tried, unasked
from pipeline.engine.preflight.checks import BEFORE, COMING, HERE, SERVER
from pipeline.engine.preflight.target import Coming
from pipeline.engine.run import Migration, Options
from pipeline.outcome import Answer, Standing
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.report.progress import Together
from pipeline.report.text import as_json, print_answers
from pipeline.settings import Settings

_LOCK_WAIT_S = 5


def preflight(
    source: SourceArgument = None,
    mapping: MappingOption = None,
    tables: TablesOption = "",
    restart: Annotated[
        bool, typer.Option("--restart", help="Look as `migrate --restart` would, which forgets earlier loads.")
    ] = False,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    json: JsonOption = False,
) -> None:
    """Look at everything that a run needs, and change nothing; exit 0, or the code that a run would end in."""
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    console = make_console(stderr=json)
    with ExitStack() as stack:
        plan = opened_plan(settings, source, mapping, code_page, tables, salvage=salvage)
        origin, of_source = tried("source", partial(_opened, stack, plan))
        session, of_server = tried("server", partial(_session, stack, settings, console))
        connection, coming = session and session[1], origin and origin[1]
        answers = [*all_answers(HERE), of_source, of_server, *_of_target(connection, settings.backup_dir, coming)]
        if origin and session and not any(it.standing is Standing.FAIL for it in answers):
            options = Options(settings.migration_batch_size, restart=restart)
            answers.append(_rehearsal(*origin, session[0], options))
        else:
            answers.append(Answer("rehearsal", Standing.WARN, "unknown: not tried, since something else fails"))
    if json:
        answer(as_json({"answers": answers}))
    print_answers(console, answers)
    code = next((it.exit_code for it in answers if it.standing is Standing.FAIL), 0)
    if code:
        raise typer.Exit(code)


def _opened(stack: ExitStack, plan: AbstractContextManager[Opened]) -> tuple[tuple[Opened, Coming], str]:
    opened = stack.enter_context(plan)
    coming = Coming(opened.plan, opened.source.fingerprint())
    return (opened, coming), f"{opened.name}: {len(coming.names)} tables can be read, and the mapping fits them"


def _session(stack: ExitStack, settings: Settings, console: Console) -> tuple[tuple[Target, Connection], str]:
    target = open_target(settings, console)
    connection = stack.enter_context(connect(target, application_name="naru preflight", autocommit=True))
    info = connection.info
    version = info.parameter_status("server_version")
    return (target, connection), f"postgresql {version}, database {info.dbname} in UTF8, as {info.user}"


def _of_target(connection: Connection | None, folder: Path, coming: Coming | None) -> Iterator[Answer]:
    if connection is None:
        yield from unasked((*SERVER, *BEFORE, *COMING), "the server cannot be asked")
        return
    yield from all_answers(SERVER, connection)
    yield from all_answers(BEFORE, connection, folder)
    if coming is None:
        yield from unasked(COMING, "there is no plan without the source")
    else:
        yield from all_answers(COMING, connection, coming)


def _rehearsal(opened: Opened, coming: Coming, target: Target, options: Options) -> Answer:
    run = run_of(opened, "preflight", "migrate", coming.fingerprint)
    migration = Migration(opened.source, opened.plan, target, run, options, Together([]))

    def rehearse() -> tuple[None, str]:
        migration.rehearse(wait_s=_LOCK_WAIT_S)
        return None, "every table of the plan could be made or written to"

    return tried("rehearsal", rehearse)[1]
