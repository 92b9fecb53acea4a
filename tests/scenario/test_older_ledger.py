"""Every command that reads the ledger, on one that an earlier version of Naru has made."""

from __future__ import annotations

from pathlib import Path

import pytest
from psycopg import sql

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import ROOT, Naru

FIRST = ROOT / "tests" / "unit" / "ledger" / "older" / "first.sql"
KEPT = """
insert into _naru.run (run_id, command, source, fingerprint, mapping_digest, tool_version, host, pid, state)
values ('r-old', 'migrate', 'old.accdb', 'f', 'm', '0', 'h', 1, 'done');
insert into _naru.load (target_schema, target_table, source_table, run_id, fingerprint, mapping_digest, state)
values ('public', 'widgets', 'Widgets', 'r-old', 'f', 'm', 'done');
insert into _naru.reject
    (run_id, target_schema, target_table, source_table, locator, stage, reason, detail, key, row_values)
values ('r-old', 'public', 'widgets', 'Widgets', 5, 'copy', 'u0000', 'd', '{}', '{"a": 1}');
insert into _naru.loss (run_id, target_schema, target_table, source_table, key, column_name, rule, before, after)
values ('r-old', 'public', 'widgets', 'Widgets', '{}', 'Colour', 'trim', 'a ', 'a');
"""
READING = {
    "status": (["status"], "r-old"),
    "losses": (["losses"], "Colour"),
    "rejects": (["rejects"], "u0000"),
    "report": (["report", "--html", "r.html"], "run r-old: unverified"),
}


@pytest.fixture(autouse=True)
def old(database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(FIRST.read_text("utf-8"))
        connection.execute(KEPT)


@pytest.mark.parametrize("command", READING)
def test_it_is_read(naru: Naru, command: str) -> None:
    arguments, told = READING[command]
    assert told in naru(*arguments)


def test_verify_and_replay_say_what_the_target_lacks(naru: Naru, sample: Path) -> None:
    assert "was never loaded" in naru("verify", sample, code=1)
    assert "has been loaded" in naru("rejects", "replay", sample, code=5)


def test_a_migration_goes_on_with_it(naru: Naru, sample: Path) -> None:
    assert ": complete" in naru("migrate", sample, "--yes")


def test_who_may_only_read_is_told_who_can_upgrade_it(naru: Naru, database: Target) -> None:
    reader, name = f"reader_{database.database}", sql.Identifier(f"reader_{database.database}")
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(sql.SQL("create role {} login password 'reader'").format(name))
        connection.execute(sql.SQL("grant usage on schema _naru to {}").format(name))
        connection.execute(sql.SQL("grant select on all tables in schema _naru to {}").format(name))
        try:
            url = f"postgresql://{reader}:reader@{database.host}:{database.port}/{database.database}"
            (naru.directory / ".env").write_text(f"DATABASE_URL={url}\n", encoding="utf-8")
            alone = Naru(naru.directory, None)
            for arguments, _ in READING.values():
                assert "hint: run once as" in alone(*arguments, code=5)
        finally:
            connection.execute(sql.SQL("drop owned by {0}; drop role {0}").format(name))
