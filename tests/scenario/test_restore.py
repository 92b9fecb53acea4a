"""`backup restore`: what comes back, and what is never overwritten."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from psycopg import sql

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded.programs import program
from tests.scenario.conftest import Naru
from tests.servers import system_server

_TABLES = """
create schema "가";
create table "가"."고객" (id int primary key, name text, twice int generated always as (id * 2) stored);
insert into "가"."고객" select n, case when n % 7 > 0 then '이름 ' || n end from generate_series(1, 500) n;
create table orders (id int generated always as identity, customer int references "가"."고객", paid money);
insert into orders (customer, paid) select n, n::numeric::money from generate_series(1, 500) n;
"""

_SLOW = """
create function slow() returns boolean language sql
as $$ select pg_sleep(case current_database() when '{}' then 0 else 200 end) is not null $$;
create table slow (id int check (public.slow()));
insert into slow values (1);
"""
"""Comes back to no other database in less than some minutes."""


@pytest.fixture
def backup(database: Target, naru: Naru) -> Path:
    """The archive of one of a filled database."""
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(_TABLES)
    naru("backup", "run")
    (archive,) = (naru.directory / "backups").glob("*.dump")
    return archive


@pytest.fixture
def other(database: Target) -> Iterator[Target]:
    """A name beside the database; whatever a test makes of it is dropped."""
    there = database.with_database(f"{database.database}_여기")
    yield there
    with connect(database, application_name="t", autocommit=True) as admin:
        names = "select datname from pg_database where datname like any (array[%s, 'naru_restore_%%'])"
        for (name,) in admin.execute(names, [f"{there.database}%"]).fetchall():
            admin.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))


def make(target: Target, statements: str = "select 1") -> None:
    with connect(target.with_database("postgres"), application_name="t", autocommit=True) as admin:
        statement = "create database {} template template0 lc_collate 'C' lc_ctype 'C'"
        admin.execute(sql.SQL(statement).format(sql.Identifier(target.database)))
    run(target, statements)


def run(target: Target, statements: str) -> None:
    with connect(target, application_name="t", autocommit=True) as session:
        session.execute(statements)  # type: ignore[arg-type]


def rows(target: Target, of: str) -> list[tuple[object, ...]]:
    with connect(target, application_name="t") as session:
        return session.execute(of).fetchall()  # type: ignore[arg-type]


def databases(target: Target) -> list[str]:
    listed = rows(target.with_database("postgres"), "select datname from pg_database order by 1")
    return [str(name) for (name,) in listed]


def test_a_database_is_made_and_is_what_it_was(backup: Path, naru: Naru, database: Target, other: Target) -> None:
    refused = naru("backup", "restore", backup, "--to", other.describe(), code=2)
    assert "--create" in refused
    said = naru("backup", "restore", backup, "--to", other.describe(), "--create")
    assert "restored and equal" in said
    assert "not restored" not in said
    for every in ('select * from "가"."고객" order by id', "select * from orders order by id"):
        assert rows(other, every) == rows(database, every)
    run(other, "insert into orders (customer) values (1)")
    assert rows(other, "select max(id) from orders") == [(501,)], "the identity goes on where it was"
    with pytest.raises(Exception, match="foreign key"):
        run(other, "insert into orders (customer) values (501)")


def test_what_belongs_to_the_database_itself_is_told(naru: Naru, database: Target, other: Target) -> None:
    name = database.database
    run(database, f"alter database {name} set timezone to 'Asia/Seoul'; comment on database {name} is 'ACL - DATABASE'")
    naru("backup", "run")
    (archive,) = (naru.directory / "backups").glob("*.dump")
    said = naru("backup", "restore", archive, "--to", other.describe(), "--create")
    assert "not restored are settings, a comment of the database itself" in said
    assert str(archive.name) in said


def test_a_role_that_may_make_no_database_is_told_what_lets_it(
    backup: Path, naru: Naru, database: Target, other: Target
) -> None:
    clerk = f"clerk {other.database}"
    run(database, f"create role \"{clerk}\" login password 'p'")
    try:
        to = replace(other, user=clerk, password=None).describe()
        arguments = ("backup", "restore", backup, "--to", to, "--create", "--no-owner", "--password-stdin")
        said = naru(*arguments, code=5, typed="p")
        statement = f'alter role "{clerk}" createdb;'
        assert statement in said
        run(database, statement)
        assert "restored and equal" in naru(*arguments, typed="p")
    finally:
        run(database, f'drop database if exists "{other.database}" with (force)')
        run(database, f'drop role "{clerk}"')


def test_an_empty_database_is_filled_or_left_empty(backup: Path, naru: Naru, database: Target, other: Target) -> None:
    make(other)
    run(database, "create role ferryman; alter table orders owner to ferryman")
    try:
        for old in backup.parent.glob(f"{backup.stem}*"):
            old.unlink()
        naru("backup", "run")
        (owned,) = backup.parent.glob("*.dump")
    finally:
        run(database, "reassign owned by ferryman to current_user; drop role ferryman")
    said = naru("backup", "restore", owned, "--to", other.describe(), code=5)
    assert 'role "ferryman" does not exist' in said
    assert "--no-owner" in said
    assert rows(other, "select from pg_class where relname in ('orders', '고객')") == []
    naru("backup", "restore", owned, "--to", other.describe(), "--no-owner")
    assert rows(other, "select count(*) from orders") == [(500,)]


def test_what_is_not_empty_is_refused(backup: Path, naru: Naru, other: Target) -> None:
    make(other, "create table t (id int); insert into t values (7)")
    for flags in ((), ("--create",), ("--replace", "yes")):
        said = naru("backup", "restore", backup, "--to", other.describe(), *flags, code=2)
        assert "holds public.t" in said
        assert f"--replace {other.database}" in said
    assert rows(other, "select * from t") == [(7,)]
    assert rows(other, "select count(*) from pg_class where relname = 'orders'") == [(0,)]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal is another thing there")
@pytest.mark.parametrize("right", [True, False])
def test_in_a_terminal_the_name_is_typed(backup: Path, naru: Naru, other: Target, right: bool) -> None:
    import pty  # not of Windows

    make(other, "create table t ()")
    ours, theirs = pty.openpty()
    try:
        os.write(ours, f"{other.database if right else 'yes'}\n".encode())
        process = naru.start("backup", "restore", backup, "--to", other.describe(), stdin=theirs)
        out, err = process.communicate(timeout=120)
    finally:
        os.close(ours)
        os.close(theirs)
    assert "Type its name to replace it" in err
    assert process.returncode == (0 if right else 2), out + err
    assert rows(other, "select count(*) from pg_class where relname = 'orders'") == [(int(right),)]


def test_a_full_database_is_replaced_by_name_and_lost_by_nobody(backup: Path, naru: Naru, other: Target) -> None:
    make(other, "create table orders (old int); insert into orders values (7)")
    how = ("backup", "restore", backup, "--to", other.describe(), "--replace", other.database)
    with connect(other, application_name="an application"):
        assert "sessions are open" in naru(*how, code=5)
        assert [name for name in databases(other) if name.startswith(("naru_restore", other.database))] == [
            other.database
        ]
    said = naru(*how)
    (old,) = (name for name in databases(other) if name.startswith(f"{other.database}_before_"))
    assert old in said
    assert rows(other, "select count(*) from orders") == [(500,)]
    assert rows(other.with_database(old), "select old from orders") == [(7,)]
    assert rows(other, "select datcollate from pg_database where datname = current_database()") == [("C",)]


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGTERM to send")
@pytest.mark.parametrize("full", [False, True], ids=["create", "replace"])
def test_what_is_stopped_half_way_leaves_the_server_as_it_was(
    naru: Naru, database: Target, other: Target, full: bool
) -> None:
    run(database, _SLOW.format(database.database))
    naru("backup", "run")
    (archive,) = (naru.directory / "backups").glob("*.dump")
    if full:
        make(other, "create table t (id int)")
    before = databases(other)
    flags = ("--replace", other.database) if full else ("--create",)
    process = naru.start("backup", "restore", archive, "--to", other.describe(), *flags)
    with connect(database, application_name="t", autocommit=True) as admin:
        asleep = "select from pg_stat_activity where wait_event = 'PgSleep' and application_name = 'pg_restore'"
        while process.poll() is None and not admin.execute(asleep).fetchall():
            pass
    process.terminate()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 8, said
    assert databases(other) == before
    if full:
        assert rows(other, "select count(*) from t") == [(0,)]


def test_a_flipped_bit_is_found_before_anything_is_made(backup: Path, naru: Naru, other: Target) -> None:
    content = bytearray(backup.read_bytes())
    content[len(content) // 2] ^= 1
    backup.write_bytes(content)
    said = naru("backup", "restore", backup, "--to", other.describe(), "--create", code=5)
    assert "sha256" in said
    assert other.database not in databases(other)


@pytest.mark.parametrize("create", [True, False])
def test_rows_that_differ_from_the_manifest_end_in_exit_code_1(
    backup: Path, naru: Naru, other: Target, create: bool
) -> None:
    path = backup.with_suffix(".json")
    manifest = json.loads(path.read_text("utf-8"))
    manifest["tables"][0]["rows"] += 1
    manifest["tables"][1]["hash"] = "0" * 32
    path.write_text(json.dumps(manifest), "utf-8")
    if not create:
        make(other)
    said = naru("backup", "restore", backup, "--to", other.describe(), *["--create"] * create, code=1)
    assert "differs: table public.orders has 500 rows and had 501" in said
    assert "가.고객 has as many rows, and not the same values" in said
    assert (other.database in databases(other)) is not create


def test_a_backup_by_a_newer_pg_dump_comes_back_on_its_own_older_server(tmp_path: Path) -> None:
    with system_server() as admin:
        source, back = admin.with_database("source"), admin.with_database("back")
        make(source, _TABLES)
        naru = Naru(tmp_path, source)
        (tmp_path / ".env").write_text(f"POSTGRESQL_BIN='{program('pg_dump').parent}'\n", encoding="utf-8")
        assert "pg_dump 18" in naru("backup", "run")
        (archive,) = (tmp_path / "backups").glob("*.dump")
        assert "restored and equal" in naru("backup", "restore", archive, "--to", back.describe(), "--create")
        assert rows(back, 'select count(*), min(twice) from "가"."고객"') == [(500, 2)]


def test_an_older_server_is_told_before(backup: Path, naru: Naru) -> None:
    with system_server() as admin:
        to = admin.with_database("new")
        typed = admin.password.get_secret_value() if admin.password else ""
        how = ("backup", "restore", backup, "--to", to.describe(), "--create", "--password-stdin")
        said = naru(*how, code=5, typed=typed)
        assert "it is of postgresql 18" in said
        assert "new" not in databases(admin)
