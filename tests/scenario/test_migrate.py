"""What a user does first: dry run, migrate, verify, look, and do it again."""

from __future__ import annotations

import json
import re
import stat
from pathlib import Path

from pipeline.postgres.connect import Target, connect
from tests.commands import run
from tests.scenario.conftest import Naru

ROWS = {"users": 24, "processes": 120, "routing_groups": 85, "output_profiles": 15, "items": 1250, "routings": 3450}


def count(target: Target, table: str) -> int:
    with connect(target, application_name="t", autocommit=True) as connection:
        return int(connection.execute(f"select count(*) from {table}").fetchone()[0])  # type: ignore[index, arg-type]


def with_statistics(target: Target) -> set[str]:
    with connect(target, application_name="t", autocommit=True) as connection:
        return {name for (name,) in connection.execute("select tablename from pg_stats where schemaname = 'public'")}


def test_a_dry_run_writes_nothing_and_tells_rows_in_dependency_order(
    naru: Naru, sample: Path, database: Target
) -> None:
    said = naru("migrate", sample, "--dry-run")
    told = re.findall(r"\[DRY RUN\] Would migrate ([\d,]+) (\w+)", said)
    assert {name: int(rows.replace(",", "")) for rows, name in told} == ROWS | {
        "audit_logs": 5000, "model_metadata": 8,
    }  # fmt: skip
    order = [name for _, name in told]
    assert order.index("items") < order.index("routings")
    assert order.index("processes") < order.index("routings")
    assert re.search(
        r"Total estimated time: [\d.]+ s, from reading 9,952 rows just now, and writing 9,952 of them", said
    )
    with connect(database, application_name="t", autocommit=True) as connection:
        made = connection.execute(
            "select count(*) from pg_class where relnamespace::regnamespace::text !~ '^(pg_|information_schema)'"
        ).fetchone()
    assert made == (0,)


def test_migrate_verifies_and_a_second_run_is_a_no_op(naru: Naru, sample: Path, database: Target) -> None:
    said = naru("migrate", sample, "--batch-size", "500")
    assert "verified: no findings" in said
    assert {table: count(database, table) for table in ROWS} == ROWS
    assert {*ROWS} <= with_statistics(database)
    assert said.count(": done, ") == 8
    again = naru("migrate", sample, "--batch-size", "700")
    assert "verified: no findings" in again
    assert again.count("rows were read by an earlier run") == 8
    assert "done, 0 rows" not in again
    assert {table: count(database, table) for table in ROWS} == ROWS
    assert "no findings" in naru("verify", sample)


_WAITS_FOR_THE_VERDICT = """
import time
import pipeline.cli.migrate
from pipeline.catalog import Notice
from pipeline.cli.app import main
from pipeline.postgres.connect import connect

def statistics(target, tables, application_name):
    with connect(target, application_name=application_name, autocommit=True) as connection:
        for _ in range(100):
            if connection.execute("select 1 from _naru.verification").fetchone():
                yield Notice(None, None, "the verdict was there first")
                return
            time.sleep(0.1)

pipeline.cli.migrate.gather_statistics = statistics
main()
"""


def test_the_verdict_is_kept_before_statistics_are_waited_for(naru: Naru, sample: Path) -> None:
    """Ctrl-C may end the wait, which a lock of others can make long."""
    (naru.directory / "program.py").write_text(_WAITS_FOR_THE_VERDICT, "utf-8")
    ended = run("program", "migrate", sample, directory=naru.directory, environment=naru.environment)
    assert "database: the verdict was there first" in ended.stdout, ended.stderr
    assert ended.returncode == 0


def test_json_is_the_only_thing_on_standard_output(naru: Naru, sample: Path) -> None:
    process = naru.start("migrate", sample, "--json")
    out, _ = process.communicate(timeout=240)
    outcome = json.loads(out)
    assert {table["target"]: table["loaded"] for table in outcome["tables"]}["public.items"] == 1250
    assert outcome["findings"] == []


def test_the_log_has_one_json_object_a_line_and_belongs_to_its_owner(
    naru: Naru, sample: Path, database: Target
) -> None:
    naru("migrate", sample)
    (log,) = (naru.directory / "logs").glob("migration_*.log")
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    ends = [line for line in lines if line["event"] == "table ends" and line["table"] == "items"]
    assert ends[0]["rows"] == 1250
    assert len({line["run_id"] for line in lines}) == 1
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert database.password is not None
    assert database.password.get_secret_value() not in log.read_text("utf-8")


def test_a_finding_is_exit_code_1_and_names_its_table(naru: Naru, sample: Path, database: Target) -> None:
    naru("migrate", sample)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("delete from audit_logs where ctid = (select min(ctid) from audit_logs)")
    said = naru("verify", sample, code=1)
    assert "audit_logs" in said
    assert "the target should hold 5,000 rows and holds 4,999" in said
    found = naru.json("verify", sample, code=1)["findings"]
    told = [(f["verifier"], f["table"], f["subject"]) for f in found]
    assert told == [("counts", "audit_logs", "rows"), ("content", "audit_logs", "missing rows")]


def test_a_target_with_data_of_others_is_not_touched_without_a_yes(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute("create table theirs as select 1 as x")
    said = naru("migrate", sample, code=2)
    assert "theirs" in said
    assert "--yes" in said
    naru("migrate", sample, "--yes")


def test_tables_limits_the_run_and_says_which_relationship_waits(naru: Naru, sample: Path, database: Target) -> None:
    said = naru("migrate", sample, "--tables", "routings", code=1)
    assert "is not built" in said
    assert "gathering statistics" not in said, "of a table that is not in the run"
    assert count(database, "routings") == 3450
    assert with_statistics(database) == {"routings"}
    assert "no findings" in naru("migrate", sample)


def test_a_mapping_that_is_written_and_edited_is_obeyed(naru: Naru, sample: Path, database: Target) -> None:
    naru("map", sample, "-o", "mappings/mine.yaml", "--schema", "mes")
    path = naru.directory / "mappings" / "mine.yaml"
    text = path.read_text("utf-8")
    assert (path.parent / "mapping.schema.json").exists()
    naru("map", sample, "-o", "mappings/mine.yaml", code=2)
    path.write_text(text.replace("to: items,", "to: parts,").replace("to: items\n", "to: parts\n"), "utf-8")
    naru("migrate", sample, "--mapping", "mappings/mine.yaml")
    assert count(database, "mes.parts") == 1250


def test_the_schema_applied_by_hand_is_loaded_by_merge(naru: Naru, sample: Path, database: Target) -> None:
    script = naru("ddl", sample)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(script)  # type: ignore[arg-type]
    assert "no findings" in naru("migrate", sample)
    assert {table: count(database, table) for table in ROWS} == ROWS


def test_a_restart_into_a_table_made_by_hand_needs_a_load_mode(naru: Naru, sample: Path, database: Target) -> None:
    script = naru("ddl", sample)
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(script)  # type: ignore[arg-type]
    naru("migrate", sample)
    assert "load: upsert" in naru("migrate", sample, "--restart", "--yes", code=5)
    naru("map", sample, "-o", "m.yaml")
    path = naru.directory / "m.yaml"
    lines = path.read_text("utf-8").splitlines()
    upserting = [f"{line}\n    load: upsert" if line.startswith("    to: ") else line for line in lines]
    path.write_text("\n".join(upserting), "utf-8")
    assert "no findings" in naru("migrate", sample, "--restart", "--yes", "--mapping", "m.yaml")
    assert {table: count(database, table) for table in ROWS} == ROWS


def test_the_code_page_of_a_mapping_is_obeyed(naru: Naru, shared: Path, database: Target) -> None:
    stale = shared / "access" / "reference" / "jet3_cp949_stale_500.mdb"
    naru("map", stale, "-o", "m.yaml", "--code-page", "949")
    assert "\ncode_page: 949\n" in (naru.directory / "m.yaml").read_text("utf-8")
    assert "no findings" in naru("migrate", stale, "--mapping", "m.yaml")
    assert count(database, '"table2" where "라우팅번호" is not null') == 500


def test_status_and_rejects_speak_of_the_run(naru: Naru, sample: Path) -> None:
    assert "no run has written" in naru("status")
    naru("migrate", sample)
    said = naru("status")
    assert "public.routings" in said
    assert "done" in said
    assert "the quarantine is empty" in naru("rejects")


def test_losses_are_counted_first_and_chosen(naru: Naru, sample: Path) -> None:
    assert "arrived otherwise" in naru("losses")
    naru("map", sample, "-o", "m.yaml", "--schema", "mes")
    path = naru.directory / "m.yaml"
    path.write_text(path.read_text("utf-8").replace("machine_no: {", "machine_no: {default: '?', "), "utf-8")
    assert "python -m pipeline losses" in naru("migrate", sample, "--mapping", "m.yaml")
    said = naru("losses", "--limit", "1")
    assert re.search(r"mes\.routings\s+machine_no\s+default\s+\d+", said)
    assert said.count('NULL -> "?"') == 1
    assert "--limit" in said
    found = json.loads(naru("losses", "--table", "routings", "--column", "machine_no", "--rule", "default", "--json"))
    assert found["summary"][0]["count"] >= len(found["losses"]) == 20
    assert found["losses"][0]["loss"]["before"] is None
    assert "arrived otherwise" in naru("losses", "--table", "users")
    assert "arrived otherwise" in naru("losses", "--rule", "trim")


def test_a_replay_of_what_was_never_loaded_is_refused(naru: Naru, sample: Path) -> None:
    assert "no table of this mapping has been loaded" in naru("rejects", "replay", sample, code=5)
    naru("map", sample, "-o", "m.yaml", "--schema", "mes")
    naru("migrate", sample, "--mapping", "m.yaml")
    assert "--mapping" in naru("rejects", "replay", sample, code=5)
    assert "0 rows replayed, 0 stay" in naru("rejects", "replay", sample, "--mapping", "m.yaml")


def test_rejects_of_one_table_are_of_that_table_alone(naru: Naru, sample: Path) -> None:
    naru("map", sample, "-o", "m.yaml", "--schema", "mes")
    path = naru.directory / "m.yaml"
    text = path.read_text("utf-8").replace("machine_no: {", "machine_no: {required: true, ")
    path.write_text(text, "utf-8")
    naru("migrate", sample, "--mapping", "m.yaml", code=1)
    assert "mes.routings" in naru("rejects", "--limit", "1")
    for name in ("routings", "mes.routings"):
        assert "#1 routings" in naru("rejects", "--table", name, "--limit", "1")
    said = naru("rejects", "--table", "users")
    assert "the quarantine holds no row of table users" in said
    assert "routings" not in said
    assert "table public.routings was never loaded" in naru("verify", sample, code=1)
