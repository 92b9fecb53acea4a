"""The proof file from the command line: written, held against targets, and refused where it is not what was written."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from psycopg import sql

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded.programs import program
from tests.scenario.conftest import Naru


def proof_of(naru: Naru, said: str) -> Path:
    """The file that a command said it has written, with the SHA-256 that it said."""
    told = re.search(r"(?:proof of every cell|no proof, but what was found): (\S+), sha256 ([0-9a-f]{64})", said)
    assert told, said
    file = naru.directory / told[1]
    assert hashlib.sha256(file.read_bytes()).hexdigest() == told[2]
    return file


def restored(target: Target, name: str) -> Target:
    """A database of that name with what a dump of the schema public holds."""
    other = target.with_database(name)
    with connect(target, application_name="t", autocommit=True) as connection:
        connection.execute(sql.SQL("create database {} template template0").format(sql.Identifier(name)))
    dump = _run("pg_dump", target, "--schema=public")
    _run("psql", other, "--quiet", "--set=ON_ERROR_STOP=1", typed=dump.replace("CREATE SCHEMA public;", ""))
    return other


def _run(name: str, target: Target, *arguments: str, typed: str = "") -> str:
    environment = target.environment(os.environ)
    command = [str(program(name)), *arguments]
    ended = subprocess.run(
        command, input=typed, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=120
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_a_dump_that_was_restored_elsewhere_is_what_was_proven(naru: Naru, sample: Path, database: Target) -> None:
    file = proof_of(naru, naru("migrate", sample))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if sys.platform != "win32":
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    said = naru("verify", "--proof", file)
    assert "the ledger of the target has the same sha256" in said
    assert "differs" not in said
    other = restored(database, f"{database.database}_restored")
    try:
        elsewhere = replace(naru, target=other)
        told = elsewhere("verify", "--proof", file)
        assert "no ledger that can be read here" in told
        assert digest in told
        with connect(other, application_name="t", autocommit=True) as connection:
            connection.execute("delete from audit_logs where ctid = (select min(ctid) from audit_logs)")
        told = elsewhere("verify", "--proof", file, code=1)
        assert re.search(r"public\.audit_logs +5,000 +4,999 +differs +other rows", told)
        assert told.count("differs") == 2, "the table, and how many"
    finally:
        with connect(database, application_name="t", autocommit=True) as connection:
            connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(other.database)))


def test_json_stands_alone_on_standard_output(naru: Naru, sample: Path) -> None:
    outcome = naru.json("migrate", sample)
    assert outcome["level"] == "content"
    told = naru.json("verify", "--proof", outcome["proof"]["path"])
    assert (told["sha256"], told["ledger_sha256"]) == (outcome["proof"]["sha256"],) * 2
    assert {table["agreement"] for table in told["tables"]} == {"equal"}
    assert naru.json("report")["proof"] == outcome["proof"]["sha256"]


def test_an_edited_proof_is_told_from_the_one_that_was_written(naru: Naru, sample: Path, database: Target) -> None:
    file = proof_of(naru, naru("migrate", sample))
    whole = file.read_text("utf-8")
    values = json.loads(whole)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("drop table audit_logs")
    values["tables"] = [table for table in values["tables"] if table["name"] != "audit_logs"]
    file.write_text(json.dumps(values, ensure_ascii=False, sort_keys=True, indent=2) + "\n", encoding="utf-8")
    said = naru("verify", "--proof", file, code=1)
    assert "the file has been changed since" in said
    assert "differs:" not in said, "the tables that it still names are as they were"
    file.write_text(json.dumps(values), encoding="utf-8")
    assert "is not in the form in which a proof is written" in naru("verify", "--proof", file, code=2)
    file.write_text(whole, encoding="utf-8", newline="\n")
    assert "missing" in naru("verify", "--proof", file, code=1)


def test_the_report_tells_how_far_was_verified(naru: Naru, sample: Path) -> None:
    said = naru("migrate", sample, "--level", "counts")
    assert "verified at level counts alone: no proof is written" in said
    assert not [*naru.directory.glob("logs/*/proof.json")]
    naru("report", "--html", "counts.html")
    page = (naru.directory / "counts.html").read_text("utf-8")
    assert "<h1>All rows arrived, as far as counting tells</h1>" in page
    assert "Only the row counts and the quarantine" in page
    assert "no proof was written" in page
    file = proof_of(naru, naru("verify", sample))
    naru("report", "--html", "content.html", "--lang", "ko")
    page = (naru.directory / "content.html").read_text("utf-8")
    assert "<h1>모두 도착했습니다</h1>" in page
    assert hashlib.sha256(file.read_bytes()).hexdigest() in page


def test_differences_are_written_and_prove_nothing(naru: Naru, sample: Path, database: Target) -> None:
    naru("migrate", sample)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("delete from audit_logs where ctid = (select min(ctid) from audit_logs)")
    said = naru("verify", sample, code=1)
    assert "no proof, but what was found: " in said
    file = proof_of(naru, said)
    assert "proves nothing: its verdict is differences" in naru("verify", "--proof", file, code=2)


def test_where_no_file_can_be_written_that_is_said(naru: Naru, sample: Path) -> None:
    naru("migrate", sample)
    logs = naru.directory / "logs"
    shutil.rmtree(logs)
    logs.write_text("in the way")
    said = naru("verify", sample)
    assert "note: no proof is written: logs" in said
    assert "verified: no findings" in said
    assert "proof of every cell" not in said


def test_a_proof_goes_with_nothing_that_it_says_itself(naru: Naru, sample: Path) -> None:
    for more, what in (
        ((sample,), "SOURCE"),
        (("--level", "content"), "--level"),
        (("--mapping", "m.yaml"), "--mapping"),
        (("--tables", "a"), "--tables"),
        (("--password-stdin",), "--password-stdin"),
    ):
        assert f"{what} does not go with --proof" in naru("verify", "--proof", "p.json", *more, code=2)
    assert "p.json cannot be read" in naru("verify", "--proof", "p.json", code=2)
