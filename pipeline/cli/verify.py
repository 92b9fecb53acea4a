"""`verify`: does the target hold what the source says it should."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from pipeline.cli.console import agreed, answer, make_console
from pipeline.cli.opening import (
    CodePageOption,
    JsonOption,
    LevelOption,
    LinksOption,
    MappingOption,
    Opened,
    PasswordOption,
    SalvageOption,
    SourceArgument,
    TablesOption,
    load_source_settings,
    new_run_id,
    open_target,
    opened_plan,
    run_of,
)
from pipeline.cli.proof import recheck, write_proof
from pipeline.engine.repair import Repair, differing_tables
from pipeline.engine.summary import keep_findings, verdict, verified_plan
from pipeline.errors import TargetError, UsageError
from pipeline.outcome import Finding, Level, ProofFile, Repaired, Verdict, clean
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run
from pipeline.report.line import say
from pipeline.report.text import as_json, print_findings, print_proof
from pipeline.verify.verify import Verified


def verify(
    context: typer.Context,
    source: SourceArgument = None,
    mapping: MappingOption = None,
    tables: TablesOption = "",
    level: LevelOption = Level.CONTENT,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the rows that differ what the source has, and compare again.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Repair without asking; for cron.")] = False,
    proof: Annotated[
        Path | None,
        typer.Option("--proof", metavar="FILE", help="Hold the target against this proof alone, without the source."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Compare every cell with the source, check counts, keys, relationships and the quarantine; exit 1 on a finding."""
    if proof is not None:
        _refuse_others(context)
        recheck(proof, json=json)
        return
    if repair and level is not Level.CONTENT:
        raise UsageError(f"--repair needs every cell compared, not --level {level}", hint="leave out --level")
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    console = make_console(stderr=json)
    with opened_plan(settings, source, mapping, code_page, tables, salvage=salvage) as opened:
        target = open_target(settings, console)
        with connect(target, application_name="naru verify", autocommit=True) as connection:
            started = time.perf_counter()
            verified = verified_plan(connection, opened.plan, opened.source, level)
            run, findings = run_of(opened, new_run_id(), "verify"), verified.findings
            written = write_proof(run, target, verified, console)
            _keep(connection, opened, run, verified, written, console, seconds=time.perf_counter() - started)
            if repair and differing_tables(findings):
                print_findings(console, findings)
                findings, written = _repair(connection, opened, target, findings, console, yes=yes)
    if json:
        told = {"target": target.describe(), "level": level, "findings": findings, "proof": written}
        answer(as_json(told))
    print_proof(console, level, written, proven=verdict(findings) is Verdict.COMPLETE)
    print_findings(console, findings)
    if differing_tables(findings) and not repair:
        console.print("hint: make these rows what the source has with: --repair", markup=False, highlight=False)
    if not clean(findings):
        raise typer.Exit(1)


def _refuse_others(context: typer.Context) -> None:
    """A proof says by itself what was verified, and how far."""
    for name in context.params.keys() - {"proof", "json"}:
        origin = context.get_parameter_source(name)
        if origin is not None and origin.name == "COMMANDLINE":
            what = "SOURCE" if name == "source" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{what} does not go with --proof", hint="a proof needs neither source nor mapping")


def _keep(
    connection: Connection,
    opened: Opened,
    run: Run,
    verified: Verified,
    proof: ProofFile | None,
    console: Console,
    *,
    seconds: float,
) -> None:
    """For `report`. A role that may only read can verify as well; that nothing is kept then is said."""
    try:
        keep_findings(
            connection, opened.plan, run, verified.findings, seconds=seconds, level=verified.level, proof=proof
        )
    except TargetError as error:
        console.print(f"note: not kept for a report: {error.message}", style="yellow", markup=False, highlight=False)


def _repair(
    connection: Connection,
    opened: Opened,
    target: Target,
    findings: tuple[Finding, ...],
    console: Console,
    *,
    yes: bool,
) -> tuple[tuple[Finding, ...], ProofFile | None]:
    run = run_of(opened, new_run_id(), "repair")

    def agree(planned: Sequence[Repaired]) -> None:
        for one in planned:
            say(console, f"to repair: {one.table}: {one}")
        if planned and not yes:
            _confirm(target)

    def prove(verified: Verified) -> ProofFile | None:
        return write_proof(run, target, verified, console)

    tables, directory = differing_tables(findings), Path("logs", run.run_id)
    return Repair(connection, opened.plan, opened.source, run, tables, directory, agree, prove).execute()


def _confirm(target: Target) -> None:
    question = f"Write these rows to {target.describe()}"
    if not sys.stdin.isatty():
        raise UsageError(f"{question}?", hint="look at what differs, then say --yes")
    if not agreed(question):
        raise UsageError("nothing was repaired", hint="correct the rows by hand, or run the same command again")
