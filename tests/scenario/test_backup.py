"""`backup`: what it writes, and what it does when something is in its way."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.conftest import Naru

_TABLES = """
create schema "가";
create table "가"."고객" (id int primary key, name text, paid money, twice int generated always as (id * 2) stored);
insert into "가"."고객"
select n, case when n % 7 > 0 then '이름 ' || n end, n::numeric::money from generate_series(1, 500) n;
create table nothing ();
insert into nothing default values;
create table parts (id int, day date) partition by range (day);
create table part_1 partition of parts for values from ('2026-01-01') to ('2026-02-01');
insert into parts values (1, '2026-01-05');
"""


@pytest.fixture
def filled(database: Target) -> Target:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(_TABLES)
    return database


def written(naru: Naru) -> list[dict[str, Any]]:
    """The manifests, oldest first."""
    folder = naru.directory / "backups"
    return [json.loads(path.read_text("utf-8")) for path in sorted(folder.glob("*[0-9].json"))]


@pytest.mark.parametrize("how", [(), ("--format", "directory", "--jobs", "2")], ids=["custom", "directory"])
def test_a_backup_has_every_table_and_is_its_owners_alone(filled: Target, naru: Naru, how: tuple[str, ...]) -> None:
    naru("backup", "run", *how)
    (manifest,) = written(naru)
    rows = {(table["schema"], table["name"]): table["rows"] for table in manifest["tables"]}
    assert rows == {("가", "고객"): 500, ("public", "nothing"): 1, ("public", "part_1"): 1}
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
