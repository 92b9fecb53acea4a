"""A restore through psql is whole or nothing, whichever of the two programs fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.errors import BackupError
from pipeline.postgres.client.programs import Need, Programs, programs_for
from pipeline.postgres.client.run import link, run_client
from pipeline.postgres.client.text import restore_as_text
from pipeline.postgres.connect import Target, connect
from pipeline.settings import load_settings

_LINE = "SET transaction_timeout = 0;"
_FILL = f"""create table t as select n, md5(n::text) || '{_LINE}' as text from generate_series(1, 100000) n;
create table head (line text); insert into head values ('{_LINE}')"""


@pytest.fixture(scope="module")
def programs() -> Programs:
    return programs_for(load_settings(), Need(18, tls=False))


@pytest.fixture
def archive(database: Target, programs: Programs, tmp_path: Path) -> Path:
    """Of the database, which is empty again."""
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(_FILL)
        path = tmp_path / "a.dump"
        run_client(
            programs, "pg_dump", "--format=custom", f"--file={path}", f"--dbname={link(database)}", target=database
        )
        session.execute("drop table t, head")
    return path


def tables(target: Target) -> list[str]:
    with connect(target, application_name="t") as session:
        found = session.execute("select relname from pg_class where relnamespace = 'public'::regnamespace order by 1")
        return [str(name) for (name,) in found]


def test_all_of_it_arrives(database: Target, programs: Programs, archive: Path) -> None:
    restore_as_text(programs, archive, target=database)
    with connect(database, application_name="t") as session:
        assert session.execute("select count(*), sum(length(text)) from t").fetchone() == (100_000, 6_000_000)
        assert session.execute("select line from head").fetchall() == [(_LINE,)]


def test_an_archive_that_ends_too_soon_leaves_nothing(database: Target, programs: Programs, archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])
    with pytest.raises(BackupError, match="pg_restore failed"):
        restore_as_text(programs, archive, target=database)
    assert tables(database) == []


def test_what_the_server_refuses_leaves_nothing(database: Target, programs: Programs, archive: Path) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute("create table t ()")
    with pytest.raises(BackupError, match=r'psql failed with exit code 3: .*"t" already exists'):
        restore_as_text(programs, archive, target=database)
    assert tables(database) == ["t"]
