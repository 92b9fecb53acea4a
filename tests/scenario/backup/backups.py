"""What the tests of `backup` look at and put in its way."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pipeline.postgres.embedded.programs import program
from tests.scenario.conftest import Naru

TABLES = """
create schema "가";
create table "가"."고객" (id int primary key, name text, paid money, twice int generated always as (id * 2) stored);
insert into "가"."고객"
select n, case when n % 7 > 0 then '이름 ' || n end, n::numeric::money from generate_series(1, 500) n;
create table nothing ();
insert into nothing default values;
create table parent (b int, a int);
create table child (c int) inherits (parent);
alter table parent add column d int;
insert into child values (1, 2, 3, 4);
create table parts (id int, day date) partition by range (day);
create table part_1 partition of parts for values from ('2026-01-01') to ('2026-02-01');
insert into parts values (1, '2026-01-05');
"""


def archives(naru: Naru) -> list[Path]:
    """Oldest first."""
    return [naru.directory / "backups" / f"{manifest['name']}.dump" for manifest in written(naru)]


def written(naru: Naru) -> list[dict[str, Any]]:
    """The manifests, oldest first."""
    folder = naru.directory / "backups"
    found = [json.loads(path.read_text("utf-8")) for path in folder.glob("*[0-9].json")]
    return sorted(found, key=lambda manifest: int(manifest["sequence"]))


def everything(naru: Naru) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (naru.directory / "backups").rglob("*_*") if path.is_file()}


def age(folder: Path, *, days: int) -> None:
    """As if all backups had been written so many days before, or, below zero, behind a clock that ran ahead."""
    for path in folder.glob("*[0-9].json"):
        manifest = json.loads(path.read_text("utf-8"))
        at = datetime.fromisoformat(manifest["created_at"]) - timedelta(days=days)
        old, new = manifest["name"], f"{manifest['database']}_{at:%Y%m%d_%H%M%S}"
        changed = path.read_text("utf-8").replace(old, new).replace(manifest["created_at"], at.isoformat())
        changed = changed.replace(f'"day": "{manifest["day"]}"', f'"day": "{at.date()}"')
        path.write_text(changed, encoding="utf-8")
        for file in folder.glob(f"{old}.*"):
            file.rename(file.with_name(file.name.replace(old, new)))


def flip_a_bit(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)


class Slow:
    """A pg_dump that begins only when it is told to."""

    def __init__(self, folder: Path) -> None:
        self.begun, self._go = folder / "begun", folder / "go"

    def wait(self, process: subprocess.Popen[str]) -> None:
        deadline = time.monotonic() + 60
        while not self.begun.exists():
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.02)

    def go(self) -> None:
        self._go.touch()


def own_pg_dump(naru: Naru, folder: Path, body: str, *, name: str = "pg_dump") -> None:
    """Let the command line find a pg_dump that does this, where `real` is the true one; or another of the programs."""
    if sys.platform == "win32":
        pytest.skip("a script of the shell takes the place of pg_dump")
    for other in {"pg_dump", "pg_restore", "pg_dumpall", "psql"} - {name}:
        (folder / other).symlink_to(program(other))
    script = f'#!/bin/sh\nreal={program(name)}\n[ "$1" = --version ] && exec $real --version\n{body}\n'
    (folder / name).write_text(script, encoding="utf-8")
    (folder / name).chmod(0o755)
    (naru.directory / ".env").write_text(f"POSTGRESQL_BIN={folder}\n", encoding="utf-8")


def slow_pg_dump(naru: Naru, folder: Path, first: str = "") -> Slow:
    own_pg_dump(
        naru, folder, f'{first}\ntouch {folder}/begun\nwhile [ ! -e {folder}/go ]; do sleep 0.02; done\nexec $real "$@"'
    )
    return Slow(folder)
