"""The proof file: written after a verification of every cell, and held against a target later."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import typer
from rich.console import Console

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import open_target
from pipeline.cli.writing import write_whole
from pipeline.engine.summary import verdict
from pipeline.errors import SettingsError, TargetError, UsageError
from pipeline.ledger.verification import recorded_verification
from pipeline.outcome import Agreement, Level, ProofFile
from pipeline.postgres.connect import Connection, Target, connect, translated
from pipeline.record import Run
from pipeline.report.line import say
from pipeline.report.text import as_json, print_rechecked
from pipeline.settings import load_settings
from pipeline.verify.proof.check import check_proof
from pipeline.verify.proof.document import as_bytes, read_proof, sha256
from pipeline.verify.proof.make import make_proof
from pipeline.verify.verify import Verified

_LOGS = Path("logs")


def write_proof(run: Run, target: Target, verified: Verified, console: Console) -> ProofFile | None:
    """Into a directory of the run, readable by its owner alone; that none could be written is said."""
    if verified.level is not Level.CONTENT:
        return None
    proof = make_proof(run, target.describe(), verdict(verified.findings), verified, datetime.now(UTC))
    path = _LOGS / run.run_id / "proof.json"
    try:
        data = as_bytes(proof)
        write_whole(path, data.decode())
    except (SettingsError, UsageError) as error:
        console.print(f"note: no proof is written: {error.message}", style="yellow", markup=False, highlight=False)
        return None
    return ProofFile(path, sha256(data))


def recheck(file: Path, *, json: bool) -> None:
    """Hold the target against a proof, table by table; exit 1 where one is not as it was, or none could be checked."""
    proof, digest = read_proof(file)
    console = make_console(stderr=json)
    target = open_target(load_settings(), console)
    with connect(target, application_name="naru verify", autocommit=True) as connection:
        tables = check_proof(connection, proof)
        kept = _kept(connection, proof.run)
    forged = kept is not None and kept != digest
    if json:
        told = {"target": target.describe(), "run": proof.run, "sha256": digest, "ledger_sha256": kept}
        answer(as_json(told | {"tables": tables}))
    print_rechecked(console, tables)
    _say_origin(console, file, digest, kept)
    agreed = {table.agreement for table in tables}
    if forged or Agreement.EQUAL not in agreed or agreed & {Agreement.DIFFERS, Agreement.MISSING}:
        raise typer.Exit(1)


def _kept(connection: Connection, run_id: str) -> str | None:
    """SHA-256 of the run's proof as the ledger has it, where there is a ledger that may be read."""
    try:
        with translated("reading the ledger"):
            verification = recorded_verification(connection, run_id)
    except TargetError:
        return None  # as where there is no ledger: what is said then is true of both
    return verification.proof if verification else None


def _say_origin(console: Console, file: Path, digest: str, kept: str | None) -> None:
    say(console, f"{file}: sha256 {digest}")
    if kept is None:
        text, style = (
            "no ledger that can be read here knows it: compare the sha256 with the one on the report",
            "yellow",
        )
    elif kept == digest:
        text, style = "the ledger of the target has the same sha256", "green"
    else:
        text, style = f"the ledger of the target has another: {kept}; the file has been changed since", "red"
    say(console, text, style=style)
