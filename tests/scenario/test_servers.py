"""What a user does, from `init` to `backup restore`, on every server that NARU_TEST_SERVERS names.

Its entries, apart as in PATH, are directories with a server's programs in bin, or with pg_dump and its like, or both:
`make test-servers SERVERS=...`.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr

from pipeline.postgres.client.programs import Programs, programs_in
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.embedded.programs import program
from tests.scenario.conftest import Naru
from tests.scenario.test_migrate import ROWS
from tests.scenario.test_preflight import answers, standings
from tests.scenario.test_rollback import last_run
from tests.servers import server_of
from tests.tls import demand_tls
from tests.unit.engine.rollback.cases import ODD, STANDING, dump

_DATABASE, _OWNER, _PASSWORD = "made", "ferry man", 'it\'s a \\ 비밀 "word"'
_NAMED = [Path(entry).absolute() for entry in os.environ.get("NARU_TEST_SERVERS", "").split(os.pathsep) if entry]
_SERVERS = [folder for folder in _NAMED if (folder / "bin" / "initdb").exists()]
_NONE = pytest.param(None, marks=pytest.mark.skip(reason="NARU_TEST_SERVERS names no server"))
_CLIENTS = (
    program("pg_dump").parent,
    *(dump.parent for dump in sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_dump"))),
    *(folder / "bin" for folder in _NAMED if (folder / "bin" / "pg_dump").exists()),
)
"""Where there is a pg_dump."""

# What the catalogs tell, but for numbers that another creation gives anew.
_STATE = """
with made as (select oid, rolname from pg_roles where rolname = %(owner)s)
select 'database', to_jsonb(d) - '{oid,datfrozenxid,datminmxid,datdba}'::text[], pg_get_userbyid(datdba)
from pg_database d where datname = %(database)s
union all select 'role', to_jsonb(r) - '{oid,rolpassword}'::text[], rolname from pg_roles r join made using (rolname)
union all select 'member', to_jsonb(m) - '{oid,roleid,member,grantor}'::text[],
    concat_ws(' ', member::regrole, grantor::regrole) from pg_auth_members m join made on made.oid = roleid
union all select 'schema', to_jsonb(n) - '{oid,nspowner}'::text[], nspowner::regrole::text
from pg_namespace n where nspname !~ '^pg_'
"""

session_on = partial(connect, application_name="t", autocommit=True, any_encoding=True)


@pytest.fixture(scope="module", params=_SERVERS or [_NONE], ids=str)
def folder(request: pytest.FixtureRequest) -> Path:
    return Path(request.param, "bin")


@pytest.fixture(scope="module")
def superuser(folder: Path) -> Iterator[Target]:
    with server_of(folder) as admin:
        yield admin


@pytest.fixture(scope="module")
def chief(superuser: Target) -> Target:
    """An administrator who may make databases and roles, and nothing else."""
    with session_on(superuser) as session:
        session.execute("create role chief login createdb createrole password 'p'")
    return replace(superuser, user="chief", password=SecretStr("p"))


@pytest.fixture(params=["superuser", "chief"])
def admin(request: pytest.FixtureRequest) -> Target:
    return request.getfixturevalue(str(request.param))


def init(admin: Target, name: str = _DATABASE, *more: str) -> list[str]:
    """Of a database and a role of one name."""
    return ["init", "--admin", admin.url().get_secret_value(), "--database", name, "--owner", name, *more]


def owner_of(admin: Target, name: str) -> Target:
    return replace(admin, user=name, database=name, password=SecretStr(_PASSWORD))


def drop(superuser: Target, *databases: str) -> None:
    with session_on(superuser) as session:
        for name in databases:
            session.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))


@pytest.fixture(scope="module")
def migrated(chief: Target, tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Target:
    """What `init` and `migrate` make of an empty server, as the role that may do no more than it needs."""
    directory = tmp_path_factory.mktemp("migrated")
    Naru(directory, None)(*init(chief, _OWNER, "--password-stdin"), typed=_PASSWORD)
    naru = Naru(directory, owner_of(chief, _OWNER))
    assert not standings(answers(naru, sample), "fail")
    assert "verified: no findings" in naru("migrate", sample, "--yes")
    return owner_of(chief, _OWNER)


@pytest.fixture
def naru(migrated: Target, superuser: Target, tmp_path: Path) -> Iterator[Naru]:
    """The command line as that role, on a copy of that database."""
    copy = migrated.with_database("a copy")
    with session_on(superuser) as session:
        statement = sql.SQL("create database {} template {} owner {}")
        names = (copy.database, migrated.database, migrated.user)
        session.execute(statement.format(*map(sql.Identifier, names)))
    yield Naru(tmp_path, copy)
    drop(superuser, copy.database)


@pytest.fixture
def session(naru: Naru) -> Iterator[Connection]:
    assert naru.target is not None
    with connect(naru.target, application_name="t", autocommit=True) as connection:
        yield connection


# ---- init


def test_what_the_dry_run_prints_makes_by_hand_what_init_makes(
    admin: Target, superuser: Target, tmp_path: Path
) -> None:
    command = partial(Naru(tmp_path, None), *init(admin, _DATABASE, "--schema", "shop"))
    psql(admin, command("--dry-run").replace("<password>", "by hand"))
    by_hand = state(superuser)
    forget(superuser)
    command("--password-stdin", typed=_PASSWORD)
    by_init = state(superuser)
    forget(superuser)
    assert by_init == by_hand
    assert {kind for kind, *_ in by_init} >= {"database", "role", "schema"}


def forget(superuser: Target) -> None:
    drop(superuser, _DATABASE)
    with session_on(superuser) as session:
        session.execute(sql.SQL("drop role {}").format(sql.Identifier(_DATABASE)))


def psql(target: Target, script: str) -> None:
    command = [program("psql"), "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1"]
    ended = subprocess.run(
        command, input=script, env=os.environ | target.environment(), capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def state(superuser: Target) -> list[tuple[str, str, str]]:
    """Of the database, the role, its members, and the schemas."""
    names = {"database": _DATABASE, "owner": _DATABASE}
    with session_on(superuser.with_database(_DATABASE)) as session:
        found = session.execute(_STATE, names).fetchall()
    return sorted((kind, json.dumps(row, sort_keys=True), who) for kind, row, who in found)


def test_the_locale_is_the_best_that_the_version_has_and_knows_hangul(session: Connection) -> None:
    """The other databases of the server are in C, which knows ASCII alone."""
    version = session.info.server_version // 10000
    (row,) = session.execute("select to_jsonb(d) from pg_database d where datname = 'a copy'").fetchone() or ({},)
    if version >= 15:
        assert row["datlocprovider"] == ("b" if version >= 17 else "i")
    else:
        assert row["datctype"].lower().startswith("c.utf")
    assert session.execute("select '나루' ~ '^[[:alpha:]]+$', upper('é')").fetchone() == (True, "É")
    ordered = session.execute("select t from unnest('{나,가,다}'::text[]) t order by t").fetchall()
    assert "".join(text for (text,) in ordered) == "가나다"


# ---- runs


def test_every_row_is_there_and_a_rollback_takes_it_back(naru: Naru, session: Connection) -> None:
    for name, rows in ROWS.items():
        assert session.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(name))).fetchone() == (rows,)
    naru("rollback", last_run(session), "--yes")
    assert [*dump(session)] == ["schemas", "catalog"], "no table is left"


def test_each_load_mode_merges_and_a_rollback_gives_back_what_stood(
    naru: Naru, sample: Path, session: Connection
) -> None:
    naru("map", sample, "-o", "m.yaml", "--schema", "stood")
    session.execute("create schema stood")
    session.execute(naru("ddl", sample, "--mapping", "m.yaml"))  # type: ignore[arg-type]
    naru("migrate", sample, "--yes", "--mapping", "m.yaml")
    full = dump(session)
    session.execute("update stood.items set unit = 'x' where item_id in (select item_id from stood.items limit 9)")
    changed = dump(session)
    mapping = naru.directory / "m.yaml"
    text = mapping.read_text("utf-8")
    for mode in ("upsert", "replace"):
        mapping.write_text(re.sub(r"(?m)^    to: .*$", rf"\g<0>\n    load: {mode}", text), "utf-8")
        naru("migrate", sample, "--restart", "--yes", "--mapping", "m.yaml")
        assert dump(session) == full, mode
        naru("rollback", last_run(session), "--yes")
        assert dump(session) == changed, mode


def test_a_repair_makes_it_what_the_source_is_and_proves_it(naru: Naru, sample: Path, session: Connection) -> None:
    full = dump(session)
    session.execute("update items set unit = 'x' where item_id in (select item_id from items limit 3)")
    session.execute("delete from audit_logs where log_id in (select log_id from audit_logs limit 2)")
    said = naru("verify", sample, "--repair", "--yes")
    assert dump(session) == full
    (proof,) = re.findall(r"proof of every cell: (\S+),", said)
    assert "the ledger of the target has the same sha256" in naru("verify", "--proof", proof)


def test_the_application_is_switched_to_it(naru: Naru, sample: Path) -> None:
    (naru.directory / ".env").write_text(f"DB_TYPE=ACCESS\nACCESS_PATH='{sample}'\n", encoding="utf-8")
    assert "DB_TYPE was ACCESS, and is POSTGRESQL" in naru("cutover")
    assert naru("health") == '{"status":"ok","database":"postgresql"}\n'


# ---- backups


@pytest.fixture(params=_CLIENTS, ids=str)
def programs(request: pytest.FixtureRequest) -> Programs:
    found = programs_in(request.param)
    assert found is not None
    return found


def test_a_backup_is_restored_and_equal(naru: Naru, superuser: Target, session: Connection, programs: Programs) -> None:
    for statement in ("create schema kept; set search_path = kept", STANDING, ODD):
        session.execute(statement)  # type: ignore[arg-type]
    use(naru, programs)
    if programs.major < session.info.server_version // 10000:
        assert "(too old)" in naru("backup", "run", code=5)
        return
    assert "restored and equal" in naru("backup", "run", "--verify", "restore")
    (archive,) = (naru.directory / "backups").glob("*.dump")
    other = superuser.with_database("a third")
    there = ("backup", "restore", archive, "--to", other.describe())
    try:
        assert "restored and equal" in Naru(naru.directory, superuser)(*there, "--create")
        assert "restored and equal" in Naru(naru.directory, superuser)(*there, "--replace", other.database)
    finally:
        with session_on(superuser) as admin:
            made = admin.execute("select datname from pg_database where datname ~ '^(a third|naru_)'").fetchall()
        drop(superuser, *(name for (name,) in made))


def use(naru: Naru, programs: Programs) -> None:
    (naru.directory / ".env").write_text(f"POSTGRESQL_BIN='{programs.folder}'\n", encoding="utf-8")


# ---- other ways to a server


@pytest.fixture(scope="module")
def private(folder: Path, tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Target]:
    """The owner of a migrated database on a server that takes nobody without TLS."""
    directory = tmp_path_factory.mktemp("private")
    with server_of(folder) as admin:
        private = demand_tls(admin)
        Naru(directory, None)(*init(private, _DATABASE, "--password-stdin"), typed=_PASSWORD)
        owner = owner_of(private, _DATABASE)
        open_ = replace(owner, parameters=(("sslmode", "disable"),))
        assert "no pg_hba.conf entry" in Naru(directory, open_)("health", code=5)
        assert "verified: no findings" in Naru(directory, owner)("migrate", sample, "--yes")
        yield owner


def test_a_server_that_demands_tls_is_backed_up(private: Target, programs: Programs, tmp_path: Path) -> None:
    naru = Naru(tmp_path, private)
    use(naru, programs)
    with session_on(private) as session:
        version = session.info.server_version // 10000
    if programs.major < version or not programs.has_tls():
        assert f"no pg_dump {version} or newer that speaks TLS is here" in naru("backup", "run", code=5)
    else:
        assert "restored and equal" in naru("backup", "run", "--verify", "restore")


def test_a_standby_is_told_before_anything_is_read(folder: Path, tmp_path: Path, sample: Path) -> None:
    with server_of(folder, standby=True) as admin:
        naru = Naru(tmp_path, admin)
        found = answers(naru, sample, code=5)
        assert found["writable"]["standing"] == "fail"
        assert "standby" in naru("migrate", sample, "--yes", code=5)
        assert naru("health") == '{"status":"ok","database":"postgresql"}\n'
