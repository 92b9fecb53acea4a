"""What bad input gets: our own words, what to do next, and the exit code of its kind."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.ledger import lock
from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import ROOT, Naru


def tables_of(target: Target) -> list[str]:
    with connect(target, application_name="t", autocommit=True) as connection:
        found = connection.execute("select relname from pg_stat_user_tables order by relname").fetchall()
    return [name for (name,) in found]


def test_a_file_that_is_not_there(naru: Naru) -> None:
    assert "nothing.accdb" in naru("migrate", "nothing.accdb", code=4)


def test_a_file_that_is_not_access(naru: Naru, database: Target) -> None:
    (naru.directory / "notes.accdb").write_text("품목 목록\n" * 1000, "utf-8")
    said = naru("migrate", "notes.accdb", code=4)
    assert "notes.accdb" in said
    assert "hint:" in said
    assert tables_of(database) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no file here is always full")
def test_a_full_disk_under_what_is_printed_is_no_bug_of_ours(naru: Naru, sample: Path) -> None:
    with Path("/dev/full").open("w") as full:
        told = naru.start("inspect", sample, stdout=full.fileno())
        assert "or a file of its own, cannot be written: No space left" in told.communicate()[1]
        silent = subprocess.run([*told.args], cwd=ROOT, stdout=full, stderr=full, check=False)
    assert (told.returncode, silent.returncode) == (3, 3)


def test_a_truncated_file_writes_nothing_that_it_did_not_read(naru: Naru, sample: Path, database: Target) -> None:
    cut = naru.directory / "cut.accdb"
    cut.write_bytes(sample.read_bytes()[: 4096 * 300])
    said = naru("migrate", "cut.accdb", code=4)
    assert "cut.accdb" in said


def test_an_encrypted_file(naru: Naru, shared: Path) -> None:
    path = shared / "access" / "reference" / "db2013-enc.accdb"
    assert "ACCESS_PASSWORD" in naru("migrate", path, code=4)
    wrong = naru("migrate", path, "--password-stdin", typed="geheim-9\n", code=4)
    assert "the password does not open it" in wrong
    assert "no text on standard input" in naru("migrate", path, "--password-stdin", typed="", code=2)
    assert "no findings" in naru("migrate", path, "--password-stdin", "--yes", typed="1234\n")
    (naru.directory / ".env").write_text("ACCESS_PASSWORD=1234\n", "utf-8")
    assert "AES-256 (Office agile)" in naru("inspect", path)
    assert "does not open it" in naru("inspect", path, "--password-stdin", typed="geheim-9\n", code=4)  # outranks it
    logs = [file.read_text("utf-8") for file in (naru.directory / "logs").rglob("*") if file.is_file()]
    assert logs
    assert "geheim-9" not in wrong + "".join(logs)


def test_no_source_at_all(naru: Naru) -> None:
    assert "ACCESS_PATH" in naru("migrate", code=2)


def test_a_table_that_is_not_in_the_source(naru: Naru, sample: Path) -> None:
    said = naru("migrate", sample, "--tables", "items,itmes", code=2)
    assert "'itmes'" in said
    assert "--tables takes" in said


def test_a_mapping_line_that_names_no_column(naru: Naru, sample: Path, database: Target) -> None:
    naru("map", sample, "-o", "m.yaml")
    path = naru.directory / "m.yaml"
    lines = path.read_text("utf-8").splitlines()
    number = next(n for n, line in enumerate(lines) if line.strip().startswith("item_code:"))
    lines[number] = lines[number].replace("item_code:", "item_kode:", 1)
    path.write_text("\n".join(lines), "utf-8")
    said = naru("migrate", sample, "--mapping", "m.yaml", code=3)
    assert f"m.yaml:{number + 1}" in said
    assert "item_kode" in said
    assert "did you mean 'item_code'" in said
    assert tables_of(database) == []


def test_a_target_that_does_not_answer_does_not_show_its_password(naru: Naru, sample: Path) -> None:
    assert naru.target is not None
    elsewhere = Naru(naru.directory, replace(naru.target, port=1, password=SecretStr("geheim-9")))
    said = elsewhere("verify", sample, code=5)
    assert "127.0.0.1:1" in said
    assert "geheim-9" not in said


def test_a_wrong_password_is_not_tried_again(naru: Naru, sample: Path) -> None:
    assert naru.target is not None
    wrong = Naru(naru.directory, replace(naru.target, password=SecretStr("geheim-9")))
    said = wrong("migrate", sample, "--yes", code=5)
    assert "password" in said
    assert "geheim-9" not in said


def test_a_read_only_target(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(f"alter database {database.database} set default_transaction_read_only = on")  # type: ignore[arg-type]
    assert "read-only" in naru("migrate", sample, "--yes", code=5)


def test_a_locked_target_names_the_holder(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="naru 20261121-000000", autocommit=True) as holder:
        lock.acquire(holder)
        assert "naru 20261121-000000" in naru("migrate", sample, "--yes", code=7)


def test_a_changed_file_is_refused_with_the_way_out(naru: Naru, sample: Path) -> None:
    copy = naru.directory / "copy.accdb"
    shutil.copyfile(sample, copy)
    naru("migrate", "copy.accdb")
    with copy.open("ab") as stream:
        stream.write(bytes(4096))
    assert "--restart" in naru("migrate", "copy.accdb", code=4)
    naru("migrate", "copy.accdb", "--restart", "--yes")


def test_setting_errors_name_the_variable(naru: Naru, sample: Path) -> None:
    assert "--batch-size" in naru("migrate", sample, "--batch-size", "0", code=2)
    (naru.directory / ".env").write_text("MIGRATION_BATCH_SIZE=many\n", "utf-8")
    assert "MIGRATION_BATCH_SIZE" in naru("migrate", sample, code=3, fresh=True)


@pytest.mark.skipif(os.name == "nt", reason="no SIGINT to another process")
def test_ctrl_c_stops_after_the_batch_and_the_next_run_goes_on(naru: Naru, sample: Path, database: Target) -> None:
    process = naru.start("migrate", sample, "--batch-size", "1")
    with connect(database, application_name="t", autocommit=True) as connection:
        deadline = time.monotonic() + 60
        while connection.execute("select to_regclass('_naru.batch')").fetchone() == (None,) or connection.execute(
            "select count(*) < 5 from _naru.batch"
        ).fetchone() == (True,):
            assert time.monotonic() < deadline, "the run commits nothing"
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 8, err
        assert "run the same command again" in err
        assert connection.execute("select state from _naru.run").fetchall() == [("interrupted",)]
    assert "no findings" in naru("migrate", sample)


def test_without_a_target_the_embedded_server_is_used_and_says_so(tmp_path: Path, sample: Path) -> None:
    tmp_path.chmod(0o755)
    alone = Naru(tmp_path, None)
    try:
        said = alone("migrate", sample, fresh=True)  # with pipes, which the server must not hold open
        assert "embedded server" in said
        assert "no findings" in said
        assert "127.0.0.1" in alone("server", "url")
        assert "1250" in alone("server", "psql", "-Atc", "select count(*) from items")
    finally:
        assert "stopped" in alone("server", "stop", fresh=True)
    assert "not running" in alone("server", "stop")


def test_the_scripts_do_what_the_commands_do(naru: Naru, sample: Path) -> None:
    scripts = Path(__file__).resolve().parents[2] / "scripts"
    for script in ("migrate_access_to_postgres.py", "verify_migration.py"):
        ended = subprocess.run(
            [sys.executable, str(scripts / script), str(sample)],
            cwd=naru.directory,
            env=naru.environment | {"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr
        assert "no findings" in ended.stdout
