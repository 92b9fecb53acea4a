"""Links, from the command line: a database in two files arrives whole, and no connect string is ever shown.

No public file links to another one that is at hand, so one is made: the reference file with a link to an ODBC
source, its object's type, connect string and table name overwritten by others of the same length.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.sql import SQL, Identifier
from tests.scenario.conftest import Naru

CONNECT = "DSN=Magnapinna;Description=Safexit;UID=safexit;PWD=DummyPassword;APP=Microsoft Office;DATABASE=safexit"
SECRETS = ("DummyPassword", "Magnapinna", "safexit", "Safexit", "DSN=", "UID=", "PWD=", "S3cret")


@pytest.fixture
def odbc(shared: Path) -> Path:
    return shared / "access" / "reference" / "linkedOdbcV2007.accdb"


@pytest.fixture
def linking(odbc: Path, naru: Naru) -> Path:
    """Links `Ordrar` to audit_logs of samples.accdb, by a path of another machine."""
    content = odbc.read_bytes()
    to_access = r"MS Access;PWD=S3cret;DATABASE=D:\Daten\samples.accdb".ljust(len(CONNECT), ";")
    for old, new in (
        (CONNECT.encode("utf-16-le"), to_access.encode("utf-16-le")),
        ("dbo.Ordrar".encode("utf-16-le"), "audit_logs".encode("utf-16-le")),
        (struct.pack("<iIh", 127, 0x0F000001, 4), struct.pack("<iIh", 127, 0x0F000001, 6)),
    ):
        assert content.count(old) == 1
        assert len(old) == len(new)
        content = content.replace(old, new)
    path = naru.directory / "front.accdb"
    path.write_bytes(content)
    return path


def _everywhere(naru: Naru, database: Target) -> str:
    """Every log, every file that was written, and every row that stands in the target."""
    texts = [
        path.read_text("utf-8")
        for path in naru.directory.rglob("*")
        if path.suffix in (".jsonl", ".log", ".yaml", ".sql")
    ]
    assert any((naru.directory / "logs").iterdir())
    with connect(database, application_name="t", autocommit=True) as connection:
        found = connection.execute("select schemaname, relname from pg_stat_user_tables").fetchall()
        for schema, name in found:
            texts += [
                row for (row,) in connection.execute(SQL("select t::text from {} t").format(Identifier(schema, name)))
            ]
        texts += [row for (row,) in connection.execute("select description from pg_description where objoid >= 16384")]
    return "\n".join(texts)


def _outputs(naru: Naru, path: Path) -> str:
    """Everything that the commands say of a file, and leave behind."""
    said = [
        naru("inspect", path),
        naru("inspect", path, "--json"),
        naru("map", path),
        naru("map", path, "-o", "m.yaml"),
    ]
    said += [naru("ddl", path, "-o", "schema.sql"), naru("migrate", path, "--yes", "--verbose")]
    said += [naru("migrate", path, "--yes", "--restart", "--json", "-m", "m.yaml"), naru("migrate", path, "--dry-run")]
    said += [naru("verify", path, "--json"), naru("status"), naru("rejects"), naru("rejects", "replay", path)]
    return "\n".join(said)


def test_an_odbc_link_is_told_and_nothing_of_its_connect_string(naru: Naru, odbc: Path, database: Target) -> None:
    said = _outputs(naru, odbc)
    assert "Ordrar: is a link to an ODBC data source and is not carried" in said
    for text in (said, _everywhere(naru, database)):
        assert [secret for secret in SECRETS if secret in text] == []


def test_a_link_without_the_flag_names_the_file_and_the_flag(naru: Naru, linking: Path) -> None:
    said = naru("inspect", linking)
    assert "table 'audit_logs' of the Access file 'samples.accdb' and is not carried: with `--follow-links DIR`" in said
    assert [secret for secret in (*SECRETS, "Daten") if secret in said] == []


def test_a_database_in_two_files_arrives_whole(naru: Naru, linking: Path, sample: Path, database: Target) -> None:
    (naru.directory / "there").mkdir()
    shutil.copy(sample, naru.directory / "there" / "Samples.ACCDB")
    follow = ("--follow-links", "there")
    said = naru("map", linking, *follow, "-o", "m.yaml") + naru("ddl", linking, *follow)
    said += naru("migrate", linking, *follow, "-m", "m.yaml", "--yes", "--verbose") + naru("verify", linking, *follow)
    with connect(database, application_name="t") as connection:
        assert connection.execute("select count(*), max(log_id) from ordrar").fetchone() == (5000, 5000)
        assert connection.execute("select count(*) from lokal").fetchone() == (1,)
    for text in (said, _everywhere(naru, database)):
        assert [secret for secret in (*SECRETS, "Daten") if secret in text] == []


def test_a_directory_that_is_not_there(naru: Naru, linking: Path) -> None:
    assert "hint: name the directory" in naru("inspect", linking, "--follow-links", "nowhere", code=2)
    said = naru("inspect", linking, "--follow-links", ".", "--cross-check", code=2)
    assert "leave out --follow-links" in said
