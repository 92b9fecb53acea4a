"""Which pg_dump is taken: what each says of itself decides."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pipeline.errors import BackupError, SettingsError
from pipeline.postgres.client.programs import Need, programs_for
from pipeline.postgres.embedded.programs import program
from pipeline.settings import Settings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="scripts of the shell take the place of pg_dump")

_NAMES = ("pg_dump", "pg_restore", "pg_dumpall", "psql")


def installation(folder: Path, version: str, *, tls: bool = True) -> Path:
    """A directory whose programs say that they are of this version."""
    folder.mkdir(parents=True)
    refusal = "" if tls else 'sslmode value \\"require\\" invalid when SSL support is not compiled in'
    version = f'[ "$1" = --version ] && echo "pg_dump (PostgreSQL) {version} (a system)" && exit'
    answer = f'{version}\necho "{refusal}" >&2; exit 1'
    for name in _NAMES:
        (folder / name).write_text(f"#!/bin/sh\n{answer}\n", encoding="utf-8")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """On a machine that has its programs on the path alone."""
    monkeypatch.setattr("pipeline.postgres.client.programs._USUAL", ())
    monkeypatch.setenv("PATH", f"{tmp_path / '97'}:{tmp_path / '99'}:{tmp_path / '98'}")
    return Settings()


def test_those_of_the_wheel_come_before_others_of_their_version(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "97", "18.99")
    installation(tmp_path / "99", "99.1")
    assert programs_for(settings, Need(13, tls=False)).folder == program("pg_dump").parent


def test_an_older_server_gets_its_own_version_where_that_is_there(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "97", "15.3")
    assert programs_for(settings, Need(15, tls=False)).version == "15.3"


def test_a_newer_server_gets_the_oldest_that_fits(settings: Settings, tmp_path: Path) -> None:
    for major in ("97", "98", "99"):
        installation(tmp_path / major, f"{major}.4")
    assert programs_for(settings, Need(98, tls=False)).version == "98.4"


def test_the_wheel_has_no_tls_and_is_not_taken_for_it(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "97", "97.0", tls=False)
    installation(tmp_path / "98", "98.0")
    assert programs_for(settings, Need(17, tls=True)).version == "98.0"


def test_without_any_that_fits_all_are_named_with_what_they_lack(settings: Settings, tmp_path: Path) -> None:
    installation(tmp_path / "97", "97.0")
    installation(tmp_path / "99", "99.0", tls=False)
    with pytest.raises(BackupError) as error:
        programs_for(settings, Need(98, tls=True))
    assert f"97.0 in {tmp_path / '97'} (too old)" in error.value.message
    assert f"99.0 in {tmp_path / '99'} (without TLS)" in error.value.message
    assert "postgresql-client-98" in str(error.value.hint)


def test_the_users_own_directory_is_the_only_one(settings: Settings, tmp_path: Path) -> None:
    own = settings.model_copy(update={"postgresql_bin": installation(tmp_path / "own", "12.0")})
    with pytest.raises(BackupError, match=r"found: 12\.0 in"):
        programs_for(own, Need(18, tls=False))
    assert programs_for(own, Need(12, tls=True)).version == "12.0"


def test_a_directory_that_lacks_one_is_refused(settings: Settings, tmp_path: Path) -> None:
    (installation(tmp_path / "own", "18.0") / "psql").unlink()
    with pytest.raises(SettingsError, match="POSTGRESQL_BIN"):
        programs_for(settings.model_copy(update={"postgresql_bin": tmp_path / "own"}), Need(18, tls=False))
