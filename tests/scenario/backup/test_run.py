"""`backup run`: what it writes, what that is worth, and from which servers and roles."""

from __future__ import annotations

import json
import stat
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded.programs import program
from tests.scenario.backup.backups import TABLES, Slow, archives, flip_a_bit, written
from tests.scenario.conftest import Naru
from tests.servers import server_of, system_programs, system_server
from tests.tls import speak_tls


@pytest.mark.parametrize("how", [(), ("--format", "directory", "--jobs", "2")], ids=["custom", "directory"])
def test_a_backup_has_every_table_and_is_its_owners_alone(filled: Target, naru: Naru, how: tuple[str, ...]) -> None:
    naru("backup", "run", *how)
    (manifest,) = written(naru)
    family = {("public", "child"): 1, ("public", "parent"): 0}
    rows = {(table["schema"], table["name"]): table["rows"] for table in manifest["tables"]}
    assert rows == {("가", "고객"): 500, ("public", "nothing"): 1, ("public", "part_1"): 1} | family
    folder = naru.directory / "backups"
    assert sum(path.stat().st_size for path in folder.rglob("*.dump*")) > 1000
    if sys.platform != "win32":
        for path in (folder, *folder.rglob("*_*")):
            assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_no_log_and_no_file_has_the_password(filled: Target, naru: Naru) -> None:
    assert filled.password is not None
    out = naru("backup", "run", "--verbose")
    texts = [out.encode(), *(path.read_bytes() for path in naru.directory.rglob("*") if path.is_file())]
    assert all(filled.password.get_secret_value().encode() not in text for text in texts)
    assert not list(Path(naru.directory).rglob("*.partial"))


@pytest.mark.parametrize("how", [(), ("--format", "directory")], ids=["custom", "directory"])
def test_a_restored_backup_equals_its_source(filled: Target, naru: Naru, how: tuple[str, ...]) -> None:
    naru("backup", "run", "--verify", "restore", *how)
    (shown,) = json.loads(naru("backup", "list", "--json"))["backups"]
    assert (shown["good"], shown["rows"]) == (True, 503)
    assert shown["restored_at"]
    assert not (naru.directory / ".naru-scratch" / "server").exists()


_ODD = """
create table "a.b" as select 1 id; create sequence "a.b_id_seq" start 7;
create schema "public.a"; create table "public.a".b (id serial);
create table "Names" as select 'pg_class'::regclass of union all select '"a.b"';
"""


def test_no_name_and_no_setting_of_the_database_is_taken_for_a_difference(database: Target, naru: Naru) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(_ODD)
        for setting in ("quote_all_identifiers = on", "bytea_output = escape", "datestyle = 'SQL, DMY'"):
            session.execute(f"alter database {database.database} set {setting}")  # type: ignore[arg-type]
    assert "restored and equal" in naru("backup", "run", "--verify", "restore")


def test_a_restored_table_that_is_not_what_was_counted_is_told(filled: Target, naru: Naru) -> None:
    naru("backup", "run")
    (path,) = (naru.directory / "backups").glob("*[0-9].json")
    manifest = json.loads(path.read_text("utf-8"))
    wrong = {"고객": {"hash": "0" * 32}, "part_1": {"rows": 2}, "nothing": {"name": "gone"}}
    manifest["tables"] = [table | wrong.get(table["name"], {}) for table in manifest["tables"]]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    naru("backup", "verify")
    said = naru("backup", "verify", "--restore", code=1)
    assert "table 가.고객 has as many rows, and not the same values" in said
    assert "table public.part_1 has 1 rows and had 2" in said
    assert "table public.gone is missing" in said
    assert "table public.nothing was not in the database" in said
    assert "broken" in naru("backup", "list")


def test_a_row_written_meanwhile_is_in_neither_dump_nor_counts(filled: Target, naru: Naru, slow: Slow) -> None:
    process = naru.start("backup", "run", "--verify", "restore")
    slow.wait(process)
    with connect(filled, application_name="t", autocommit=True) as session:
        session.execute("insert into parts values (2, '2026-01-06')")
        session.execute("create table later (id int)")
    slow.go()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert {table["name"]: table["rows"] for table in written(naru)[0]["tables"]}["part_1"] == 1
    assert "later" not in {table["name"] for table in written(naru)[0]["tables"]}


def test_a_sequence_that_moves_during_the_dump_stands_between_both_looks(
    filled: Target, naru: Naru, slow: Slow
) -> None:
    with connect(filled, application_name="t", autocommit=True) as session:
        session.execute("create sequence up; create sequence round cycle maxvalue 3; select nextval('round')")
        process = naru.start("backup", "run", "--verify", "restore")
        slow.wait(process)
        session.execute("select nextval('up') from generate_series(1, 40); select nextval('round'), nextval('round')")
        session.execute("select setval('round', 1, false)")
    slow.go()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    (manifest,) = written(naru)
    seen = {it["name"]: (it["before"], it["after"]) for it in manifest["sequences"]}
    assert seen == {"up": ([1, False], [40, True]), "round": ([1, True], [1, False])}
    assert "set back during the dump" in err
    assert "round" in err


def test_a_backup_of_an_earlier_release_is_told_for_what_it_lacks(filled: Target, naru: Naru) -> None:
    naru("backup", "run")
    (path,) = (naru.directory / "backups").glob("*[0-9].json")
    manifest = json.loads(path.read_text("utf-8"))
    del manifest["sequences"], manifest["large_objects"]
    path.write_text(json.dumps(manifest | {"format": 1}), encoding="utf-8")
    assert "its sequences and large objects cannot be compared" in naru("backup", "verify", "--restore")
    (shown,) = json.loads(naru("backup", "list", "--json"))["backups"]
    assert (shown["good"], shown["sequences"], shown["large_objects"]) == (True, None, None)


def test_a_role_without_rights_of_its_own_backs_up_what_it_owns(database: Target, naru: Naru) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute("create role keeper login password 'k'; create schema own authorization keeper")
        session.execute("create table own.t as select 1 id; alter table own.t owner to keeper")
        session.execute("create sequence own.s; alter sequence own.s owner to keeper; select nextval('own.s')")
        session.execute("select lo_from_bytea(99, 'its own'); alter large object 99 owner to keeper")
        keeper = replace(database, user="keeper", password=SecretStr("k"))
        try:
            Naru(naru.directory, keeper)("backup", "run", "--verify", "restore")
            (manifest,) = written(naru)
            assert manifest["roles_error"] is None
            assert (len(manifest["sequences"]), manifest["large_objects"]["count"]) == (1, 1)
            session.execute("select lo_from_bytea(100, 'of another')")
            assert "large object 100" in Naru(naru.directory, keeper)("backup", "run", code=5)
            session.execute("select lo_unlink(100)")
            session.execute("create table own.hidden as select 1 id")
            assert "hidden" in Naru(naru.directory, keeper)("backup", "run", code=5)
            session.execute("alter table own.hidden owner to keeper; alter table own.hidden enable row level security")
            session.execute("alter table own.hidden force row level security")
            said = Naru(naru.directory, keeper)("backup", "run", code=5)
            assert "row-level security" in said
            assert len(archives(naru)) == 1
        finally:
            session.execute("drop owned by keeper; drop role keeper")


def test_where_a_server_tells_nobody_its_roles_the_rows_are_backed_up(naru: Naru) -> None:
    with system_server() as admin:
        shop = admin.with_database("shop")
        with connect(admin, application_name="t", autocommit=True) as session:
            session.execute("create role keeper login password 'k'")
            session.execute("create database shop owner keeper")
            session.execute("revoke connect on database postgres from public")
        there = Naru(naru.directory, replace(shop, user="keeper", password=SecretStr("k")))
        assert "without roles" not in there("backup", "run")
        with connect(shop, application_name="t", autocommit=True) as session:
            session.execute("revoke select on pg_auth_members from public")
        assert "without roles" in there("backup", "run")
        assert "permission denied" in written(naru)[-1]["roles_error"]


def test_a_server_that_demands_tls_gets_a_pg_dump_that_has_it(naru: Naru) -> None:
    with system_server() as admin:
        speak_tls(admin)
        private = replace(admin, parameters=(("sslmode", "require"),))
        with connect(private, application_name="t", autocommit=True) as session:
            session.execute(TABLES)
            # A namesake of the role that the scratch server belongs to, with less rights.
            session.execute("create role naru nologin; alter table parts owner to naru")
        there = Naru(naru.directory, private)
        there("backup", "run", "--verify", "restore")
        (manifest,) = written(naru)
        assert manifest["server"].split(".")[0] == manifest["pg_dump"].split(".")[0]
        (naru.directory / ".env").write_text(f"POSTGRESQL_BIN='{program('pg_dump').parent}'\n", encoding="utf-8")
        assert "(without TLS)" in there("backup", "run", code=5)
        assert len(archives(naru)) == 1


def test_programs_that_are_named_restore_into_a_newer_server_what_they_wrote(naru: Naru, database: Target) -> None:
    """The scratch server is the embedded one, whatever the target and its programs."""
    programs = system_programs()
    (naru.directory / ".env").write_text(f"POSTGRESQL_BIN='{programs}'\n", encoding="utf-8")
    with server_of(programs) as admin:
        with connect(admin, application_name="t", autocommit=True) as session:
            session.execute(TABLES)
        assert "restored and equal" in Naru(naru.directory, admin)("backup", "run", "--verify", "restore")
    (archive,) = archives(naru)
    empty = database.with_database(f"{database.database}_empty")
    try:
        restored = naru("backup", "restore", archive, "--to", empty.describe(), "--create", "--no-owner")
        assert "restored and equal" in restored
    finally:
        with connect(database, application_name="t", autocommit=True) as session:
            session.execute(f"drop database {empty.database}")  # type: ignore[arg-type]


def test_what_the_embedded_server_cannot_take_is_restored_beside_the_target(naru: Naru) -> None:
    """pgcrypto wants OpenSSL, which the wheel has not."""
    with system_server() as admin:
        with connect(admin, application_name="t", autocommit=True) as session:
            session.execute("create extension pgcrypto")
            session.execute(TABLES)
        there = Naru(naru.directory, admin)
        said = there("backup", "run", "--verify", "restore")
        assert "it needs the extension pgcrypto" in said
        assert "a scratch database of the target is used" in said
        assert "restored and equal" in said
        with connect(admin, application_name="t", autocommit=True) as session:
            names = [name for (name,) in session.execute("select datname from pg_database where not datistemplate")]
    assert names == ["postgres"]


def test_a_collation_that_the_embedded_server_has_not_makes_no_backup_a_broken_one(naru: Naru) -> None:
    """The wheel is without ICU, libxml and lz4; which of them a database uses, only a restore tells."""
    with system_server() as admin:
        with connect(admin, application_name="t", autocommit=True) as session:
            session.execute('create table "가" (name text collate "ko-x-icu"); insert into "가" values (\'나\')')
            session.execute("create role keeper login password 'k'; alter database postgres owner to keeper")
            session.execute('alter table "가" owner to keeper')
        there = Naru(naru.directory, admin)
        said = there("backup", "run", "--verify", "restore")
        assert "ko-x-icu" in said
        assert "a scratch database of the target is used" in said
        assert "restored and equal" in said
        keeper = Naru(naru.directory, replace(admin, user="keeper", password=SecretStr("k")))
        assert 'alter role "keeper" createdb;' in keeper("backup", "run", "--verify", "restore", code=5)
        assert "broken" not in keeper("backup", "list")


def refused_by_its_own_server(database: Target) -> None:
    """Put into the database a constraint that no restore can keep."""
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute("create table known as select 1 id")
        session.execute(
            "create function is_known(int) returns boolean language plpgsql as"
            " $$ begin return exists (select from known where id = $1); end $$"
        )
        session.execute("create table t (id int check (is_known(id))); insert into t values (1)")


def test_what_its_own_server_refuses_is_broken(database: Target, naru: Naru) -> None:
    refused_by_its_own_server(database)
    said = naru("backup", "run", "--verify", "restore", code=1)
    assert 'broken: pg_restore failed with exit code 1: pg_restore: error: COPY failed for table "t"' in said
    assert "broken" in naru("backup", "list")


@pytest.mark.parametrize("flag", ["--keep-days=0", "--keep-weekly=-1", "--keep-monthly=-1"])
def test_how_much_to_keep_is_refused_by_the_name_of_the_flag(naru: Naru, flag: str) -> None:
    assert flag.partition("=")[0] in naru("backup", "prune", flag, code=2)


def test_a_name_that_is_no_backup_is_told_where_the_backups_are(naru: Naru) -> None:
    said = naru("backup", "verify", "backups/shop.dump", code=5)
    assert "backups/shop.dump is no backup: there is no shop.json beside it" in said
    assert "backup list" in said


@pytest.mark.parametrize("command", ["list", "prune", "verify"])
def test_a_directory_that_is_not_there_is_no_empty_one(naru: Naru, command: str) -> None:
    said = naru("backup", command, "--from", "back ups", code=2)
    assert "there is no directory back ups" in said
    assert "python -m pipeline backup run --to 'back ups'" in said
    assert not (naru.directory / "back ups").exists()


def test_a_list_that_cannot_be_made_prints_no_json(naru: Naru) -> None:
    (naru.directory / "backups").write_text("a file", encoding="utf-8")
    process = naru.start("backup", "list", "--json")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "there is no directory backups" in err


def test_an_empty_directory_is_listed_as_one(naru: Naru) -> None:
    (naru.directory / "backups").mkdir()
    assert naru("backup", "list") == "no backups in backups\n"
    assert json.loads(naru("backup", "list", "--json")) == {"backups": [], "broken": []}
    assert "no backups in backups" in naru("backup", "verify", code=2)


@pytest.mark.skipif(sys.platform == "win32", reason="the longest name is another there")
def test_a_directory_that_cannot_be_looked_at_is_told_so(naru: Naru) -> None:
    for command in ("list", "prune"):
        assert "cannot be read" in naru("backup", command, "--from", "x" * 300, code=5)


def test_run_and_verify_tell_as_json_what_list_tells(two: list[Path], naru: Naru) -> None:
    told = naru.json("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert told.keys() == {"backup", "removed", "log"}
    assert (naru.directory / told["log"]).exists()
    assert [naru.directory / name for name in told["removed"]] == [two[0]]
    assert told["backup"] == naru.json("backup", "list")["backups"][-1]
    assert (told["backup"]["good"], told["backup"]["rows"], told["backup"]["restored_at"]) == (True, 503, None)
    restored = naru.json("backup", "verify", "--restore")
    assert restored == {"backup": naru.json("backup", "list")["backups"][-1]}
    assert restored["backup"]["name"] == told["backup"]["name"]
    assert restored["backup"]["restored_at"]


def test_a_verification_that_finds_something_tells_it_as_json(two: list[Path], naru: Naru) -> None:
    flip_a_bit(two[-1])
    told = naru.json("backup", "verify", code=1)["backup"]
    assert told["archive"] == str(two[-1].relative_to(naru.directory))
    assert not told["good"]
    assert "has been changed" in told["problems"][0]


def test_a_backup_that_its_own_server_refuses_removes_none_and_says_so_as_json(database: Target, naru: Naru) -> None:
    refused_by_its_own_server(database)
    told = naru.json("backup", "run", "--verify", "restore", code=1)
    assert (told["backup"]["good"], told["removed"]) == (False, [])
    assert "COPY failed" in told["backup"]["problems"][0]
