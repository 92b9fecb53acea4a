"""DB_TYPE in .env is switched and put back; nothing else of the file changes."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.cli.dotenv import read_dotenv, write_dotenv
from pipeline.errors import SettingsError

FILES = {
    "plain": b"DB_TYPE=ACCESS\nOTHER=1\n",
    "crlf": b"A=1\r\nDB_TYPE=MSSQL\r\nB=2\r\n",
    "byte order mark": "\ufeffDB_TYPE=ACCESS\n# 나루\n".encode(),
    "no newline at the end": b"A=1\n\nDB_TYPE=access",
    "quoted, with a comment": b"export DB_TYPE = 'ACCESS'  # the old one\nA=\"x\n\nDB_TYPE=MSSQL\"\n",
    "lower case, after blank lines": b"\n\n  db_type=access\n\n\nB='\\''\n",
}


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DB_TYPE", raising=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


@pytest.mark.parametrize("content", FILES.values(), ids=FILES)
def test_there_and_back_is_the_file_byte_for_byte(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    before = read_dotenv(path)
    assert not before.switched
    write_dotenv(before, before.forth())
    after = read_dotenv(path)
    assert after.switched
    assert b"POSTGRESQL" in path.read_bytes()
    write_dotenv(after, after.back())
    assert path.read_bytes() == content


def test_the_other_lines_and_the_old_value_stay(path: Path) -> None:
    path.write_bytes(FILES["crlf"])
    dotenv = read_dotenv(path)
    write_dotenv(dotenv, dotenv.forth())
    first, kept, switched, last, rest = path.read_bytes().split(b"\r\n")
    assert (first, switched, last, rest) == (b"A=1", b"DB_TYPE=POSTGRESQL", b"B=2", b"")
    assert kept.startswith(b"# before the cutover of ")
    assert kept.endswith(b": DB_TYPE=MSSQL")


@pytest.mark.skipif(os.name != "posix", reason="modes and links of POSIX")
def test_mode_and_link_stay(path: Path, tmp_path: Path) -> None:
    real = tmp_path / "elsewhere" / "env"
    real.parent.mkdir()
    real.write_bytes(FILES["plain"])
    real.chmod(0o640)
    path.symlink_to(real)
    dotenv = read_dotenv(path)
    write_dotenv(dotenv, dotenv.forth())
    assert path.is_symlink()
    assert read_dotenv(real).switched
    assert real.stat().st_mode & 0o777 == 0o640
    assert [*real.parent.iterdir()] == [real]


def test_a_file_that_was_written_to_meanwhile_stays(path: Path) -> None:
    path.write_bytes(FILES["plain"])
    dotenv = read_dotenv(path)
    path.write_bytes(b"DB_TYPE=MSSQL\n")
    with pytest.raises(SettingsError, match="was written to meanwhile"):
        write_dotenv(dotenv, dotenv.forth())
    assert path.read_bytes() == b"DB_TYPE=MSSQL\n"
    assert [*path.parent.iterdir()] == [path]


def test_nothing_says_what_was_before(path: Path) -> None:
    path.write_bytes(b"# a comment\nDB_TYPE=POSTGRESQL\n")
    with pytest.raises(SettingsError, match="says what it was before the cutover"):
        read_dotenv(path).back()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"DB_TYPE=ACCESS\nDB_TYPE=MSSQL\n", "is set 2 times"),
        (b"A=1\n", "is not set"),
        (b"", "is not set"),
        (b"DB_TYPE=ORACLE\n", "'ORACLE'"),
        (b"DB_TYPE=\n", "cannot tell the value"),
        (b"DB_TYPE='ACC\nESS'\n", "cannot tell the value"),
        (b"DB_TYPE=ACCESS\nA='open\n", "is not NAME=value"),
        (b"DB_TYPE=\xff\n", "UnicodeDecodeError"),
    ],
)
def test_what_cannot_be_switched_is_refused(path: Path, content: bytes, told: str) -> None:
    path.write_bytes(content)
    with pytest.raises(SettingsError, match=told):
        read_dotenv(path)


def test_no_file_and_a_value_that_outranks_it(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="is not there"):
        read_dotenv(path)
    path.write_bytes(FILES["plain"])
    monkeypatch.setenv("DB_TYPE", "ACCESS")
    with pytest.raises(SettingsError, match="outranks"):
        read_dotenv(path)


@pytest.mark.parametrize("line", [b"database_url='postgresql://a@h/old'\n", b"POSTGRESQL_DB=old # of before\n"])
def test_the_target_of_the_environment_is_that_of_the_application(
    path: Path, line: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, old, new = ("DATABASE_URL", "postgresql://a@h/old", "postgresql://a:s3cret@h/new") if b"url" in line else (
        "POSTGRESQL_DB", "old", "new")  # fmt: skip
    for other in ("DATABASE_URL", "POSTGRESQL_DB"):
        monkeypatch.delenv(other, raising=False)
    path.write_bytes(b"DB_TYPE=ACCESS\n" + line)
    dotenv = read_dotenv(path)
    dotenv.check_target()
    monkeypatch.setenv(name, old)
    dotenv.check_target()
    monkeypatch.setenv("POSTGRESQL_HOST", "named nowhere else")
    dotenv.check_target()
    monkeypatch.setenv(name, new)
    with pytest.raises(SettingsError, match=f"{name} in the environment is another") as refused:
        dotenv.check_target()
    assert "s3cret" not in str(refused.value)
