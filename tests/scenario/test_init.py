"""`init`: from an administrator's server to a migration as a role without rights of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr

from pipeline.postgres.connect import Connection, Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from tests.scenario.conftest import Naru
from tests.servers import server_log, system_server

_PASSWORD = 'it\'s a \\ 비밀 "word"'
_DATABASE, _OWNER = "made", "ferry man"


@pytest.fixture(scope="module")
def old_server() -> Iterator[Target]:
    """Of the system, with its own databases in SQL_ASCII."""
    with system_server("SQL_ASCII") as admin:
        yield admin


@pytest.fixture(params=["embedded", "system"])
def admin(request: pytest.FixtureRequest, server: EmbeddedServer) -> Iterator[Target]:
    there = server.target() if request.param == "embedded" else request.getfixturevalue("old_server")
    yield there
    with connect(there, application_name="t", autocommit=True, any_encoding=True) as session:
        forget(session, _OWNER)


def forget(session: Connection, owner: str) -> None:
    """Drop what a test has made, the roles after their databases."""
    session.execute(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(_DATABASE)))
    session.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(owner)))


def arguments(admin: Target, *more: str) -> list[str]:
    url = admin.url().get_secret_value()
    return ["init", "--admin", url, "--database", _DATABASE, "--owner", _OWNER, *more]


def made(admin: Target) -> Target:
    return Target(admin.host, admin.port, _OWNER, _DATABASE, SecretStr(_PASSWORD), admin.parameters)


def there(admin: Target) -> tuple[object, ...] | None:
    statement = """select pg_encoding_to_char(encoding), pg_get_userbyid(datdba), rolsuper, rolcreatedb, rolcreaterole
    from pg_database join pg_roles on pg_roles.oid = datdba where datname = %s"""
    with connect(admin, application_name="t", autocommit=True, any_encoding=True) as session:
        return session.execute(statement, [_DATABASE]).fetchone()


def test_the_made_role_migrates_into_the_made_database(admin: Target, tmp_path: Path, sample: Path) -> None:
    naru = Naru(tmp_path, None)
    said = naru(*arguments(admin, "--password-stdin"), typed=_PASSWORD)
    assert "proved: ferry man can log in" in said
    assert "비밀" not in said
    assert "SCRAM" not in said
    assert there(admin) == ("UTF8", _OWNER, False, False, False)
    as_owner = Naru(tmp_path, made(admin))
    assert "fail" not in as_owner("preflight", sample)
    assert "verified: no findings" in as_owner("migrate", sample, "--yes")


def test_a_second_time_changes_nothing_and_says_so(admin: Target, tmp_path: Path) -> None:
    naru = Naru(tmp_path, None)
    naru(*arguments(admin, "--password-stdin"), typed=_PASSWORD)
    again = naru(*arguments(admin, "--password-stdin"), typed=_PASSWORD)
    assert "nothing to do" in again
    assert "done:" not in again
    assert "proved" in again
    assert "not tried as ferry man" in naru(*arguments(admin))


def test_another_password_of_a_role_that_is_there_is_found_out(admin: Target, tmp_path: Path) -> None:
    naru = Naru(tmp_path, None)
    naru(*arguments(admin, "--password-stdin"), typed=_PASSWORD)
    assert "authentication" in naru(*arguments(admin, "--password-stdin"), typed="another", code=5)
    with connect(made(admin), application_name="t"):
        pass  # its password is as it was


def test_a_dry_run_prints_what_is_run_and_runs_nothing(admin: Target, tmp_path: Path) -> None:
    naru = Naru(tmp_path, None)
    script = naru(*arguments(admin, "--schema", "shop", "--dry-run"))
    assert there(admin) is None
    told = naru(*arguments(admin, "--schema", "shop", "--password-stdin"), typed=_PASSWORD)
    done = [line.removeprefix("done: ") + ";" for line in told.splitlines() if line.startswith("done: ")]
    assert [line for line in script.splitlines() if not line.startswith("\\")] == done
    assert 'create role "ferry man" login;\n' in script, "without a password, which would be known to all"
    assert '\\password "ferry man"\n' in script
    assert 'create schema "_naru" authorization "ferry man";' in script


def test_the_log_of_the_server_does_not_get_to_know_the_password(old_server: Target, tmp_path: Path) -> None:
    Naru(tmp_path, None)(*arguments(old_server, "--password-stdin"), typed=_PASSWORD)
    log = server_log(old_server)
    assert 'create role "ferry man" login password' in log, "statements are logged"
    assert "비밀" not in log
    with connect(old_server, application_name="t", autocommit=True, any_encoding=True) as session:
        forget(session, _OWNER)


def test_an_administrator_who_is_no_superuser_is_enough(admin: Target, tmp_path: Path, sample: Path) -> None:
    with connect(admin, application_name="t", autocommit=True, any_encoding=True) as session:
        session.execute("drop role if exists chief")
        session.execute("create role chief login createdb createrole password 'p'")
    chief = Target(admin.host, admin.port, "chief", "postgres", SecretStr("p"), admin.parameters)
    naru = Naru(tmp_path, None)
    naru(*arguments(chief, "--schema", "shop", "--password-stdin"), typed=_PASSWORD)
    assert "nothing to do" in naru(*arguments(chief, "--schema", "shop"))
    assert there(admin) == ("UTF8", _OWNER, False, False, False)


def test_a_database_that_cannot_hold_every_text_is_refused(old_server: Target, tmp_path: Path) -> None:
    with connect(old_server, application_name="t", autocommit=True, any_encoding=True) as session:
        session.execute(f"create database {_DATABASE} template template0 encoding 'LATIN1'")  # type: ignore[arg-type]
        assert "stored in LATIN1" in Naru(tmp_path, None)(*arguments(old_server), code=5)
        forget(session, _OWNER)


def test_a_database_of_another_is_opened_to_the_role_and_stays_theirs(admin: Target, tmp_path: Path) -> None:
    with connect(admin, application_name="t", autocommit=True, any_encoding=True) as session:
        session.execute(f"create database {_DATABASE} template template0 encoding 'UTF8'")  # type: ignore[arg-type]
    said = Naru(tmp_path, None)(*arguments(admin, "--password-stdin"), typed=_PASSWORD)
    assert f'grant connect, create, temporary on database "{_DATABASE}"' in said
    assert "proved" in said
    assert (there(admin) or ())[1] == admin.user


def test_a_password_is_made_only_where_it_is_kept(server: EmbeddedServer, tmp_path: Path) -> None:
    naru = Naru(tmp_path, None)
    (tmp_path / ".env").write_text("MIGRATION_BATCH_SIZE=7", encoding="utf-8")
    assert "no password" in naru(*arguments(server.target()), code=2)
    assert there(server.target()) is None
    try:
        said = naru(*arguments(server.target(), "--write-env"))
        assert "proved" in said
        kept = (tmp_path / ".env").read_text("utf-8")
        assert kept.startswith("MIGRATION_BATCH_SIZE=7\n")
        if os.name != "nt":
            assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600
        assert "POSTGRESQL_USER='ferry man'" in kept
        assert "no run has written" in naru("status"), ".env is the target now"
        assert "nothing to do" in naru("init", "--admin", server.target().url().get_secret_value(), "--write-env")
        assert (tmp_path / ".env").read_text("utf-8") == kept
        other = arguments(server.target(), "--write-env", "--password-stdin")
        assert ".env has another POSTGRESQL_HOST" in naru(*other, typed=_PASSWORD, code=3)
    finally:
        with connect(server.target(), application_name="t", autocommit=True) as session:
            forget(session, _OWNER)


def test_what_stands_in_dotenv_stays(server: EmbeddedServer, tmp_path: Path) -> None:
    """Byte for byte, with its owner, and behind the link that leads to it."""
    before = "\ufeffA=1\r\n# 나루\r\nB=2".encode()
    real = tmp_path / "elsewhere" / "env"
    real.parent.mkdir()
    real.write_bytes(before)
    if os.name == "posix":
        (tmp_path / ".env").symlink_to(real)
        if os.geteuid() == 0:
            os.chown(real, 65534, 65534)
    else:
        (tmp_path / ".env").write_bytes(before)
    naru = Naru(tmp_path, None)
    try:
        assert "next: python -m pipeline preflight" in naru(*arguments(server.target(), "--write-env"))
        assert (tmp_path / ".env").read_bytes().startswith(before + b"\nPOSTGRESQL_HOST=")
        if os.name == "posix":
            assert (tmp_path / ".env").is_symlink()
            assert real.stat().st_mode & 0o777 == 0o600
            assert real.stat().st_uid == (65534 if os.geteuid() == 0 else os.geteuid())
            assert [*real.parent.iterdir()] == [real]
    finally:
        with connect(server.target(), application_name="t", autocommit=True) as session:
            forget(session, _OWNER)


def test_a_wrong_password_and_a_target_in_lower_case_do_not_spoil_dotenv(
    server: EmbeddedServer, tmp_path: Path
) -> None:
    naru = Naru(tmp_path, None)
    try:
        naru(*arguments(server.target(), "--password-stdin"), typed=_PASSWORD)
        flags = arguments(server.target(), "--write-env", "--password-stdin")
        assert "authentication" in naru(*flags, typed="another", code=5)
        assert not (tmp_path / ".env").exists()
        (tmp_path / ".env").write_text("database_url=postgresql://a@h/d\n", encoding="utf-8-sig")
        assert ".env has another DATABASE_URL" in naru(*flags, typed=_PASSWORD, code=3)
        (tmp_path / ".env").unlink()
        naru(*flags, typed=_PASSWORD)
        assert '"status":"ok"' in naru("health")
    finally:
        with connect(server.target(), application_name="t", autocommit=True) as session:
            forget(session, _OWNER)


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (["--database", "d", "--owner", "o"], "no administrator is named"),
        (["--admin", "postgresql://a@h/d", "--owner", "o"], "--database missing"),
        (["--admin", "postgresql://a@h/d", "--owner", "o" * 64, "--database", "d"], "64 bytes"),
        (["--admin", "postgresql://a@h/d", "--owner", "o", "--database", "d", "--schema", "pg_catalog"], "reserved"),
        (["--database", "d", "--owner", "o", "--write-env"], "--admin"),
    ],
)
def test_what_is_not_named_is_not_guessed(tmp_path: Path, flags: list[str], why: str) -> None:
    assert why in Naru(tmp_path, None)("init", *flags, code=2)
