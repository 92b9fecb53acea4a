"""How PostgreSQL's programs are run: nobody sees the password, and everybody what went wrong."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from psycopg import sql
from pydantic import SecretStr

from pipeline.errors import BackupError
from pipeline.postgres.client.programs import Need, Programs, programs_for
from pipeline.postgres.client.run import link, run_client
from pipeline.postgres.connect import Target, connect
from pipeline.settings import Settings

_PASSWORD = "a:b\\c 'd' \"비밀\" %20 #"


@pytest.fixture
def programs() -> Programs:
    return programs_for(Settings(), Need(13, tls=False))


@pytest.mark.parametrize("inherited", [None, "wrong"])
def test_any_password_reaches_the_server(
    database: Target, programs: Programs, monkeypatch: pytest.MonkeyPatch, inherited: str | None
) -> None:
    if inherited:
        monkeypatch.setenv("PGPASSWORD", inherited)
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(sql.SQL("create role visitor login password {}").format(sql.Literal(_PASSWORD)))
        visitor = replace(database, user="visitor", password=SecretStr(_PASSWORD))
        try:
            run_client(programs, "psql", "--no-password", "--command=select 1", target=visitor)
        finally:
            session.execute("drop role visitor")


def test_a_service_of_the_shell_leads_to_no_other_server(
    database: Target, programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "services").write_text("[prod]\nhost=127.0.0.1\nport=1\n", encoding="ascii")
    monkeypatch.setenv("PGSERVICEFILE", str(tmp_path / "services"))
    monkeypatch.setenv("PGSERVICE", "prod")
    run_client(programs, "psql", "--command=select 1", target=database)
    named = replace(database, parameters=(*database.parameters, ("service", "prod")))
    run_client(programs, "psql", "--command=select 1", target=named)


def test_the_file_with_the_password_is_gone_in_the_end(
    database: Target, programs: Programs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen = tmp_path / "seen"
    look = f"\\! stat -c %a $PGPASSFILE > {seen}; env | grep -c PGPASSWORD >> {seen}"
    if sys.platform != "linux":
        look = "select 1"
    run_client(programs, "psql", f"--command={look}", target=database)
    with pytest.raises(BackupError):
        run_client(programs, "psql", "--set=ON_ERROR_STOP=1", "--command=nonsense", target=database)
    assert [path for path in tmp_path.iterdir() if path != seen] == []
    assert sys.platform != "linux" or seen.read_text("utf-8").split() == ["600", "0"]


def test_what_a_program_said_is_in_the_error_without_passwords(database: Target, programs: Programs) -> None:
    wrong = "select 'postgresql://u:hunter2@h' from nowhere"
    with pytest.raises(BackupError) as error:
        run_client(programs, "psql", "--set=ON_ERROR_STOP=1", f"--command={wrong}", target=database)
    assert 'relation "nowhere" does not exist' in error.value.message
    assert "hunter2" not in error.value.message


def test_a_program_that_is_not_there_is_our_error(programs: Programs, tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="could not run"):
        run_client(replace(programs, folder=tmp_path), "psql")


def test_the_command_line_has_no_secret(database: Target) -> None:
    assert database.password is not None
    secrets = ("sslpassword", "scram_client_key", "scram_server_key", "oauth_client_secret")
    secret = replace(database, parameters=(*((name, "hidden") for name in secrets), ("keepalives_idle", "7")))
    assert "hidden" not in link(secret)
    assert database.password.get_secret_value() not in link(secret)
    assert "keepalives_idle=7" in link(secret)


def test_somebody_looks_while_a_program_runs(database: Target, programs: Programs) -> None:
    """It ends only once the look has let it."""
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute("create table go (id int)")
        wait = "do $$ begin while not exists (select from go) loop perform pg_sleep(0.02); end loop; end $$"
        let = partial(session.execute, "insert into go values (1)")
        run_client(programs, "psql", f"--command={wait}", target=database, watch=let)


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_what_a_look_raises_ends_the_program(database: Target, programs: Programs, error: type[BaseException]) -> None:
    def look() -> None:
        raise error

    with pytest.raises(error):
        run_client(programs, "psql", "--command=select pg_sleep(3600)", target=database, watch=look)
