"""`preflight`, and what `migrate` asks of it by itself."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr

from pipeline.ledger import lock
from pipeline.postgres.connect import Connection, Target, connect
from tests.scenario.conftest import Naru
from tests.servers import system_server


@pytest.fixture
def session(database: Target) -> Iterator[Connection]:
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


@pytest.fixture
def clerk(database: Target, session: Connection, tmp_path: Path) -> Iterator[Naru]:
    """The command line as a role that may log in, and nothing else."""
    name = f"clerk {database.database}"
    session.execute(sql.SQL("create role {} login password 'p'").format(sql.Identifier(name)))
    place = (database.host, database.port, name, database.database)
    yield Naru(tmp_path, Target(*place, SecretStr("p"), database.parameters))
    session.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
    session.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


def answers(naru: Naru, *arguments: str | Path, code: int = 0) -> dict[str, dict[str, object]]:
    """By check, of `preflight --json`."""
    return {it["check"]: it for it in naru.json("preflight", *arguments, code=code)["answers"]}


def standings(found: dict[str, dict[str, object]], standing: str) -> set[str]:
    return {name for name, it in found.items() if it["standing"] == standing}


def schemas(session: Connection) -> set[str]:
    return {name for (name,) in session.execute("select nspname from pg_namespace where nspname !~ '^pg_'")}


def test_all_is_well_and_nothing_is_changed(naru: Naru, sample: Path, session: Connection) -> None:
    found = answers(naru, sample)
    assert standings(found, "pass") == {*found}
    assert schemas(session) == {"public", "information_schema"}
    assert not session.execute("select from pg_tables where schemaname = 'public'").rowcount


def test_a_role_without_rights_fails_and_the_printed_grants_let_it_migrate(
    clerk: Naru, sample: Path, session: Connection
) -> None:
    said = clerk("preflight", sample, code=5)
    stopped = clerk("migrate", sample, "--yes", code=5)
    assert schemas(session) == {"public", "information_schema"}, "it stopped before it wrote"
    grants = re.findall(r"grant [^;]*;", said.partition("hint: rights:")[2].partition("\n")[0])
    assert len(grants) == 2
    assert all(grant in stopped for grant in grants)
    for grant in grants:
        session.execute(grant)  # type: ignore[arg-type]
    found = answers(clerk, sample)
    assert not standings(found, "fail")
    assert str(found["disk"]["detail"]).startswith("unknown"), "the role is not told where the server writes"
    migrated = clerk("migrate", sample, "--yes")
    assert "note: disk: unknown" in migrated
    assert "verified: no findings" in migrated


def test_what_fails_does_not_hide_the_rest(naru: Naru, sample: Path, tmp_path: Path) -> None:
    found = answers(naru, tmp_path / "none.accdb", code=4)
    assert standings(found, "fail") == {"source"}
    assert {"server", "writable", "slots"} <= standings(found, "pass")
    assert found["rights"]["detail"] == "unknown: there is no plan without the source"


def test_a_server_that_is_away(sample: Path, tmp_path: Path) -> None:
    away = Naru(tmp_path, Target("127.0.0.1", 1, "u", "d"))
    found = answers(away, sample, code=5)
    assert standings(found, "fail") == {"server"}
    assert standings(found, "pass") == {"logs", "source"}
    assert all(str(found[name]["detail"]).startswith("unknown") for name in standings(found, "warn"))


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_cannot_hold_every_text(
    encoding: str, sample: Path, tmp_path: Path, database: Target, session: Connection
) -> None:
    other = f"{database.database}_other"
    made = sql.SQL("create database {} template template0 encoding {} locale_provider libc locale 'C'")
    session.execute(made.format(sql.Identifier(other), sql.Literal(encoding)))
    try:
        found = answers(Naru(tmp_path, database.with_database(other)), sample, code=5)
        assert encoding in str(found["server"]["detail"])
    finally:
        session.execute(sql.SQL("drop database {}").format(sql.Identifier(other)))


def test_another_run_is_under_way(naru: Naru, sample: Path, session: Connection) -> None:
    lock.acquire(session)
    found = answers(naru, sample, code=7)
    assert standings(found, "fail") == {"runs"}
    assert "locked by t" in naru("migrate", sample, "--yes", code=7)


def test_a_lock_in_the_way_is_named_and_not_waited_for(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="nightly job") as other:
        other.execute("create table users (id integer)")
        other.commit()
        other.execute("lock table users in access exclusive mode")
        found = answers(naru, sample, "--tables", "users", code=5)
    assert found["locks"]["standing"] == "warn"
    assert "nightly job" in str(found["locks"]["detail"])
    assert found["rehearsal"]["standing"] == "fail"


def test_a_source_that_has_changed_since_its_run(naru: Naru, sample: Path, tmp_path: Path) -> None:
    source = tmp_path / "changing.accdb"
    shutil.copy(sample, source)
    naru("migrate", source, "--yes")
    assert not standings(answers(naru, source), "fail")
    with source.open("ab") as file:
        file.write(b"\0" * 4096)
    found = answers(naru, source, code=4)
    assert standings(found, "fail") == {"rehearsal"}
    assert "the source has changed since run" in str(found["rehearsal"]["detail"])
    assert not standings(answers(naru, source, "--restart"), "fail")


def test_a_warning_becomes_a_note_of_the_run(naru: Naru, sample: Path, database: Target) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        name = sql.Identifier(database.database)
        session.execute(sql.SQL("alter database {} connection limit 2").format(name))
        said = naru("migrate", sample, "--yes")
    assert "note: slots: " in said
    assert "hint: close other connections" in said
    assert "verified: no findings" in said


def test_an_older_server_of_the_system(sample: Path, tmp_path: Path) -> None:
    with system_server() as admin:
        naru = Naru(tmp_path, admin)
        found = answers(naru, sample)
        assert standings(found, "pass") == {*found}
        with connect(admin, application_name="t", autocommit=True) as session:
            session.execute("create role clerk login password 'p'")
        clerk = Naru(tmp_path, Target(admin.host, admin.port, "clerk", "postgres", SecretStr("p")))
        found = answers(clerk, sample, code=5)
        assert "create on schema public" in str(found["rights"]["detail"])


def test_a_run_into_rows_without_a_backup_is_told_how_to_make_one(naru: Naru, sample: Path) -> None:
    assert "note: backup" not in naru("migrate", sample, "--yes"), "there was nothing to lose"
    said = naru("migrate", sample, "--yes")
    assert "note: backup: there is no good backup of database" in said
    (command,) = re.findall(r"python -m pipeline (backup run .*)", said)
    naru(*command.split())
    assert answers(naru, sample)["backup"]["standing"] == "pass"
    assert "note: backup" not in naru("migrate", sample, "--yes")


def test_a_run_is_not_asked_for_the_backup_that_it_has_told_of(naru: Naru, sample: Path, session: Connection) -> None:
    session.execute("create table precious as select 1 as id")
    asked = 'holds rows in "public"."precious". Is there a backup of it?'
    assert asked in naru("migrate", sample, code=2)
    naru("backup", "run")
    assert asked in naru("migrate", sample, code=2), "it was never restored"
    naru("backup", "verify", "--restore")
    session.execute("create table younger as select 1 as id")
    assert asked.replace("precious", "younger") in naru("migrate", sample, code=2)
    session.execute("drop table younger")
    said = naru("migrate", sample)
    (told,) = [line for line in said.splitlines() if line.startswith("not asked for a backup of")]
    assert told.startswith('not asked for a backup of "public"."precious": backups/')
    assert told.endswith(" is 0 hours old, restored and found equal")
    assert "verified: no findings" in said
    assert asked in naru("migrate", sample, "--restart", code=2), "what came since the backup would go with its table"
