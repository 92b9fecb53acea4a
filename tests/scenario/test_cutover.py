"""`cutover` and `health`, as a user has them."""

from __future__ import annotations

import hashlib
import json
import shutil
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru

BEFORE = b"# mine\r\nDB_TYPE=ACCESS\r\nACCESS_PATH=old.accdb\r\n"


@pytest.fixture
def dotenv(naru: Naru, sample: Path) -> Path:
    shutil.copy(sample, naru.directory / "old.accdb")
    path = naru.directory / ".env"
    path.write_bytes(BEFORE)
    return path


def test_there_after_a_clean_verification_and_back(naru: Naru, dotenv: Path) -> None:
    naru("migrate", "--yes")
    said = naru("cutover", "--dry-run")
    assert "dry run: .env stays as it is: DB_TYPE=ACCESS; it would become DB_TYPE=POSTGRESQL\n" in said
    assert dotenv.read_bytes() == BEFORE
    assert "DB_TYPE was ACCESS, and is POSTGRESQL" in naru("cutover")
    assert b"\r\nDB_TYPE=POSTGRESQL\r\n" in dotenv.read_bytes()
    assert "cutover" in naru("status")
    switched = dotenv.read_bytes()
    assert "nothing to do" in naru("cutover")
    assert dotenv.read_bytes() == switched
    assert "cutover --back" in naru("verify", code=3)
    assert "verified: no findings" in naru("verify", "old.accdb")
    said = naru("cutover", "--back", "--dry-run")
    assert said == "dry run: .env stays as it is: DB_TYPE=POSTGRESQL; it would become DB_TYPE=ACCESS\n"
    assert dotenv.read_bytes() == switched
    naru("cutover", "--back")
    assert dotenv.read_bytes() == BEFORE
    assert "nothing to do" in naru("cutover", "--back")


def test_as_json_there_and_back(naru: Naru, dotenv: Path, database: Target) -> None:
    naru("migrate", "--yes")
    there = {"dotenv": ".env", "was": "ACCESS", "asked": "POSTGRESQL"}
    seen = {"target": database.describe(), "level": "content", "findings": [], "proof": None}
    assert naru.json("cutover", "--dry-run") == there | {"now": "ACCESS", "dry_run": True, "verified": seen}
    told = naru.json("cutover")
    proof = told["verified"].pop("proof")
    del seen["proof"]
    assert told == there | {"now": "POSTGRESQL", "dry_run": False, "verified": seen}
    assert hashlib.sha256((naru.directory / proof["path"]).read_bytes()).hexdigest() == proof["sha256"]
    here = {"dotenv": ".env", "was": "POSTGRESQL", "now": "POSTGRESQL", "dry_run": False, "verified": None}
    assert naru.json("cutover") == here | {"asked": "POSTGRESQL"}
    assert naru.json("cutover", "--back", "--dry-run") == here | {"asked": "ACCESS", "dry_run": True}
    assert naru.json("cutover", "--back") == here | {"asked": "ACCESS", "now": "ACCESS"}
    assert dotenv.read_bytes() == BEFORE


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
@pytest.mark.parametrize("kept", ["DB_TYPE=ORACLE", "POSTGRESQL_PASSWORD=s3cret"])
def test_a_line_of_before_that_says_no_db_type_is_not_put_back(naru: Naru, kept: str, flags: tuple[str, ...]) -> None:
    content = f"# before the cutover of 2026-11-01T00:00:00Z: {kept}\nDB_TYPE=POSTGRESQL\n"
    (naru.directory / ".env").write_text(content, encoding="utf-8")
    said = naru("cutover", "--back", *flags, code=3)
    assert "no line above DB_TYPE=POSTGRESQL says what it was before" in said
    assert "s3cret" not in said
    assert (naru.directory / ".env").read_text("utf-8") == content


def test_one_cell_that_differs_keeps_the_application_where_it_is(naru: Naru, dotenv: Path, database: Target) -> None:
    naru("migrate", "--yes")
    with connect(database, application_name="t", autocommit=True) as connection:
        found = connection.execute(
            """select quote_ident(table_name), quote_ident(column_name) from information_schema.columns
            where table_schema = 'public' and data_type = 'text' order by table_name, ordinal_position limit 1"""
        ).fetchone()
        assert found is not None
        table, column = found
        connection.execute(
            f"update {table} set {column} = 'other' where ctid = (select ctid from {table} limit 1)"  # type: ignore[arg-type]
        )
    said = naru("cutover", code=1)
    assert "stays as it is" in said
    assert "hint: mend what was found" in said
    told = naru.json("cutover", code=1)
    assert [it["count"] for it in told["verified"]["findings"]] == [1]
    assert (told["was"], told["asked"], told["now"]) == ("ACCESS", "POSTGRESQL", "ACCESS")
    assert dotenv.read_bytes() == BEFORE


def test_a_target_that_the_application_does_not_read_is_not_switched_to(naru: Naru, dotenv: Path) -> None:
    naru("migrate", "--yes")
    dotenv.write_bytes(BEFORE + b"DATABASE_URL=postgresql://a@nowhere/empty\r\n")
    assert "DATABASE_URL in the environment is another than in .env" in naru("cutover", code=3)
    assert b"DB_TYPE=ACCESS" in dotenv.read_bytes()


def test_health_of_a_target_that_answers(naru: Naru) -> None:
    assert naru("health") == '{"status":"ok","database":"postgresql"}\n'


def test_health_of_one_that_is_away_or_says_nothing(naru: Naru, database: Target) -> None:
    away = replace(database, password=SecretStr("s3cret"))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        there = replace(away, host="127.0.0.1", port=silent.getsockname()[1])
        said = json.loads(Naru(naru.directory, there)("health", "--timeout", "0.5", code=5))
    assert said == {"status": "error", "database": "postgresql", "error": "no answer within 0.5 s"}
    printed = Naru(naru.directory, there)("health", code=5)
    assert json.loads(printed)["status"] == "error"
    assert "s3cret" not in printed


def test_health_does_not_start_the_embedded_server(naru: Naru) -> None:
    said = json.loads(Naru(naru.directory, None)("health", code=5))
    assert said["status"] == "error"
    assert "is not running" in said["error"]
    assert not (naru.directory / ".naru").exists()


def test_health_of_an_embedded_server_that_cannot_be_looked_at(naru: Naru) -> None:
    (naru.directory / ".naru").write_text("no directory", encoding="utf-8")
    assert "cannot be looked at" in json.loads(Naru(naru.directory, None)("health", code=5))["error"]
