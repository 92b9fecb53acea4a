"""`backup`: what it writes, and what it does when something is in its way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.errors import TargetError
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from pipeline.postgres.embedded.programs import program
from tests.scenario.conftest import Naru
from tests.servers import system_server
from tests.tds.certificate import make_certificate

_TABLES = """
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


@pytest.fixture
def filled(database: Target) -> Target:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(_TABLES)
    return database


@pytest.fixture
def two(filled: Target, naru: Naru) -> list[Path]:
    """The archives of two good backups, the older one before the days that are kept."""
    naru("backup", "run")
    age(naru.directory / "backups", days=100)
    naru("backup", "run", "--keep-days", "7", "--keep-weekly", "9", "--keep-monthly", "9")
    found = archives(naru)
    assert len(found) == 2
    return found


def archives(naru: Naru) -> list[Path]:
    """Oldest first."""
    return [naru.directory / "backups" / f"{manifest['name']}.dump" for manifest in written(naru)]


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


def everything(naru: Naru) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in (naru.directory / "backups").rglob("*_*") if path.is_file()}


def written(naru: Naru) -> list[dict[str, Any]]:
    """The manifests, oldest first."""
    folder = naru.directory / "backups"
    found = [json.loads(path.read_text("utf-8")) for path in folder.glob("*[0-9].json")]
    return sorted(found, key=lambda manifest: int(manifest["sequence"]))


@pytest.mark.parametrize("how", [(), ("--format", "directory", "--jobs", "2")], ids=["custom", "directory"])
def test_a_backup_has_every_table_and_is_its_owners_alone(filled: Target, naru: Naru, how: tuple[str, ...]) -> None:
    naru("backup", "run", *how)
    (manifest,) = written(naru)
    family = {("public", "child"): 1, ("public", "parent"): 0}
    rows = {(table["schema"], table["name"]): table["rows"] for table in manifest["tables"]}
    assert rows == {("가", "고객"): 500, ("public", "nothing"): 1, ("public", "part_1"): 1} | family
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


# ---- what a backup is worth


@pytest.mark.parametrize("how", [(), ("--format", "directory")], ids=["custom", "directory"])
def test_a_restored_backup_equals_its_source(filled: Target, naru: Naru, how: tuple[str, ...]) -> None:
    naru("backup", "run", "--verify", "restore", *how)
    (shown,) = json.loads(naru("backup", "list", "--json"))["backups"]
    assert (shown["good"], shown["rows"]) == (True, 503)
    assert shown["restored_at"]
    assert not (naru.directory / ".naru-scratch" / "server").exists()


def test_a_restored_table_that_is_not_what_was_counted_is_told(filled: Target, naru: Naru) -> None:
    naru("backup", "run")
    (path,) = (naru.directory / "backups").glob("*[0-9].json")
    manifest = json.loads(path.read_text("utf-8"))
    wrong = {"고객": {"hash": "0" * 32}, "part_1": {"rows": 2}, "nothing": {"name": "gone"}}
    manifest["tables"] = [table | wrong.get(table["name"], {}) for table in manifest["tables"]]
    path.write_text(json.dumps(manifest), encoding="utf-8")
    naru("backup", "verify")
    said = naru("backup", "verify", "--restore", code=1)
    assert "table 가.고객 has as many rows, and not the same values" in said
    assert "table public.part_1 has 1 rows and had 2" in said
    assert "table public.gone is missing" in said
    assert "table public.nothing was not in the database" in said
    assert "broken" in naru("backup", "list")


def test_a_row_written_meanwhile_is_in_neither_dump_nor_counts(filled: Target, naru: Naru, slow: Slow) -> None:
    process = naru.start("backup", "run", "--verify", "restore")
    slow.wait(process)
    with connect(filled, application_name="t", autocommit=True) as session:
        session.execute("insert into parts values (2, '2026-01-06')")
        session.execute("create table later (id int)")
    slow.go()
    out, err = process.communicate(timeout=120)
    assert process.returncode == 0, out + err
    assert {table["name"]: table["rows"] for table in written(naru)[0]["tables"]}["part_1"] == 1
    assert "later" not in {table["name"] for table in written(naru)[0]["tables"]}


# ---- damage


def truncate(archive: Path) -> None:
    os.truncate(archive, archive.stat().st_size // 2)


def flip_a_bit(archive: Path) -> None:
    data = bytearray(archive.read_bytes())
    data[len(data) // 2] ^= 1
    archive.write_bytes(data)


def take_away(archive: Path) -> None:
    archive.unlink()


def spoil_the_manifest(archive: Path) -> None:
    archive.with_suffix(".json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, take_away, spoil_the_manifest])
def test_nothing_is_removed_where_the_newest_is_damaged(two: list[Path], naru: Naru, damage: Any) -> None:
    old, new = two
    damage(new)
    before = everything(naru)
    assert naru("backup", "verify", code=5 if damage is spoil_the_manifest else 1)
    assert "broken" in naru("backup", "list")
    naru("backup", "verify", old)
    naru("backup", "prune", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    after = everything(naru)
    assert before.items() <= after.items()


def test_a_prune_reads_the_newest_before_it_removes_any(two: list[Path], naru: Naru) -> None:
    flip_a_bit(two[-1])
    everything_before = everything(naru)
    naru("backup", "prune", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0", code=5)
    assert everything_before.items() <= everything(naru).items()


def test_old_ones_go_after_a_success_and_strangers_stay(two: list[Path], naru: Naru) -> None:
    folder = naru.directory / "backups"
    (folder / "other.dump").write_text("not ours", encoding="utf-8")
    few = ("--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert two[0].name in naru("backup", "prune", *few, "--dry-run")
    assert archives(naru) == two
    naru("backup", "run", *few)
    assert not two[0].exists()
    assert two[1] in archives(naru)
    assert sorted(path.name for path in folder.glob(f"{two[0].stem}*")) == []
    assert (folder / "other.dump").exists()


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hostname", "other.dump", "x_20260101_000000.dump/../../y"])
def test_a_manifest_can_name_no_file_of_others(two: list[Path], naru: Naru, path: str) -> None:
    manifest_path = two[0].with_suffix(".json")
    manifest = json.loads(manifest_path.read_text("utf-8"))
    manifest["files"].append({"path": path, "bytes": 0, "sha256": "0" * 64})
    manifest_path.write_text(json.dumps(manifest), encoding="utf-8")
    naru("backup", "verify", two[0], code=5)
    naru("backup", "prune", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert two[0].exists()


def test_a_clock_that_went_back_does_not_cost_the_newest(filled: Target, naru: Naru) -> None:
    naru("backup", "run")
    age(naru.directory / "backups", days=-400)  # written by a clock that ran ahead
    (ahead,) = archives(naru)
    naru("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    now = archives(naru)
    assert len(now) == 2
    naru("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert {*now} <= {*archives(naru)}
    assert ahead.exists()


def test_an_archive_without_its_manifest_is_no_backup(two: list[Path], naru: Naru) -> None:
    two[1].with_suffix(".json").unlink()
    assert f"{two[1].name} has no manifest" in naru("backup", "list")
    assert "has no manifest" in naru("backup", "verify", code=5)
    naru("backup", "verify", two[1], code=5)


# ---- in the way


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


def own_pg_dump(naru: Naru, folder: Path, body: str) -> None:
    """Let the command line find a pg_dump that does this, where `real` is the true one."""
    if sys.platform == "win32":
        pytest.skip("a script of the shell takes the place of pg_dump")
    for name in ("pg_restore", "pg_dumpall", "psql"):
        (folder / name).symlink_to(program(name))
    script = f'#!/bin/sh\nreal={program("pg_dump")}\n[ "$1" = --version ] && exec $real --version\n{body}\n'
    (folder / "pg_dump").write_text(script, encoding="utf-8")
    (folder / "pg_dump").chmod(0o755)
    (naru.directory / ".env").write_text(f"POSTGRESQL_BIN={folder}\n", encoding="utf-8")


def slow_pg_dump(naru: Naru, folder: Path, first: str = "") -> Slow:
    own_pg_dump(
        naru, folder, f'{first}\ntouch {folder}/begun\nwhile [ ! -e {folder}/go ]; do sleep 0.02; done\nexec $real "$@"'
    )
    return Slow(folder)


@pytest.fixture
def slow(naru: Naru, tmp_path_factory: pytest.TempPathFactory) -> Slow:
    return slow_pg_dump(naru, tmp_path_factory.mktemp("slow"))


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ('$real "$@"; kill -9 $$', "was killed by signal 9"),
        ('$real "$@"; echo "half of it" >&2; exit 1', "half of it"),
        ("exit 0", "cannot be read back|pg_restore"),
        ('$real "$@"; for out; do case $out in --file=*) truncate -s -100 "${out#--file=}";; esac; done', "pg_restore"),
    ],
    ids=["killed", "fails", "writes nothing", "writes half"],
)
def test_a_pg_dump_that_fails_leaves_no_backup(
    two: list[Path], naru: Naru, tmp_path_factory: pytest.TempPathFactory, body: str, told: str
) -> None:
    before = everything(naru)
    own_pg_dump(naru, tmp_path_factory.mktemp("own"), body)
    said = naru("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0", code=5)
    assert any(text in said for text in told.split("|")), said
    assert everything(naru) == before


def test_of_two_at_once_the_second_is_refused(filled: Target, naru: Naru, slow: Slow) -> None:
    first = naru.start("backup", "run")
    slow.wait(first)
    assert "another backup is under way" in naru("backup", "run", code=7)
    naru("backup", "prune", code=7)
    slow.go()
    out, err = first.communicate(timeout=120)
    assert first.returncode == 0, out + err
    assert len(archives(naru)) == 1


def test_a_server_that_goes_away_leaves_no_backup(tmp_path_factory: pytest.TempPathFactory) -> None:
    with tempfile.TemporaryDirectory(prefix="naru-backup-", ignore_cleanup_errors=True) as directory:
        Path(directory).chmod(0o755)
        server = EmbeddedServer(Path(directory, "home"))
        naru = Naru(tmp_path_factory.mktemp("gone"), server.ensure_running())
        try:
            slow = slow_pg_dump(naru, tmp_path_factory.mktemp("slow"))
            naru_run = naru.start("backup", "run")
            slow.wait(naru_run)
        finally:
            server.stop()
        slow.go()
        out, err = naru_run.communicate(timeout=120)
    assert naru_run.returncode == 5, out + err
    assert "Traceback" not in err
    assert not everything(naru)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_leaves_no_backup(filled: Target, naru: Naru, slow: Slow, number: int) -> None:
    process = naru.start("backup", "run")
    slow.wait(process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 8, out + err
    assert not everything(naru)


def test_what_a_killed_run_leaves_is_no_backup_and_goes_with_the_next(
    filled: Target, naru: Naru, tmp_path_factory: pytest.TempPathFactory
) -> None:
    slow = slow_pg_dump(naru, tmp_path_factory.mktemp("slow"), '$real "$@"')
    process = naru.start("backup", "run")
    slow.wait(process)
    process.kill()
    process.communicate()
    folder = naru.directory / "backups"
    (left,) = folder.glob("*.dump.partial")
    assert "no backups" in naru("backup", "list")
    naru("backup", "verify", code=2)
    (naru.directory / ".env").unlink()
    naru("backup", "run")
    assert not left.exists()
    assert len(archives(naru)) == 1
    slow.go()


# ---- no room


def fill(target: Target) -> None:
    """Some megabytes that no compression makes less of."""
    with connect(target, application_name="t", autocommit=True) as session:
        session.execute(
            "create table much as select gen_random_uuid() id, gen_random_uuid() b from generate_series(1, 60000)"
        )


@pytest.mark.skipif(sys.platform == "win32", reason="limits of a process are POSIX")
def test_a_file_that_cannot_grow_leaves_no_backup(two: list[Path], filled: Target, naru: Naru) -> None:
    """As a full disk does it to pg_dump: a write is refused in the middle."""
    fill(filled)
    before = everything(naru)
    command = ["/bin/sh", "-c", f'ulimit -f 300; exec "{sys.executable}" -m pipeline backup run']
    ended = subprocess.run(
        command, cwd=naru.directory, env=naru.environment, stderr=subprocess.PIPE, text=True, check=False
    )
    assert ended.returncode == 5, ended.stderr
    assert "pg_dump" in ended.stderr
    assert everything(naru) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Of one megabyte."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = shutil.which("mount") and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("only root may mount a small disk")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_leaves_no_backup(filled: Target, naru: Naru, small_disk: Path) -> None:
    folder = naru.directory / "backups"
    naru("backup", "run")
    for path in folder.iterdir():
        shutil.move(path, small_disk / path.name)
    fill(filled)  # the room is measured by the backup before, which was small
    before = {path: path.read_bytes() for path in small_disk.iterdir()}
    said = naru("backup", "run", "--to", small_disk, code=5)
    assert "No space left on device" in said
    assert {path: path.read_bytes() for path in small_disk.iterdir()} == before


def test_too_little_room_is_told_before_anything_is_written(filled: Target, naru: Naru, small_disk: Path) -> None:
    said = naru("backup", "run", "--to", small_disk, code=5)
    assert "bytes free" in said
    assert [path.name for path in small_disk.iterdir()] == [".lock"]


# ---- other servers and roles


def test_a_role_without_rights_of_its_own_backs_up_what_it_owns(database: Target, naru: Naru) -> None:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute("create role keeper login password 'k'; create schema own authorization keeper")
        session.execute("create table own.t as select 1 id; alter table own.t owner to keeper")
        keeper = replace(database, user="keeper", password=SecretStr("k"))
        try:
            Naru(naru.directory, keeper)("backup", "run", "--verify", "restore")
            (manifest,) = written(naru)
            assert manifest["roles_error"] is None
            session.execute("create table own.hidden as select 1 id")
            assert "hidden" in Naru(naru.directory, keeper)("backup", "run", code=5)
            session.execute("alter table own.hidden owner to keeper; alter table own.hidden enable row level security")
            session.execute("alter table own.hidden force row level security")
            said = Naru(naru.directory, keeper)("backup", "run", code=5)
            assert "row-level security" in said
            assert len(archives(naru)) == 1
        finally:
            session.execute("drop owned by keeper; drop role keeper")


def test_a_server_that_demands_tls_gets_a_pg_dump_that_has_it(naru: Naru) -> None:
    with system_server() as admin:
        speak_tls(admin)
        private = replace(admin, parameters=(("sslmode", "require"),))
        with connect(private, application_name="t", autocommit=True) as session:
            session.execute(_TABLES)
            # A namesake of the role that the scratch server belongs to, with less rights.
            session.execute("create role naru nologin; alter table parts owner to naru")
        there = Naru(naru.directory, private)
        there("backup", "run", "--verify", "restore")
        (manifest,) = written(naru)
        assert manifest["server"].split(".")[0] == manifest["pg_dump"].split(".")[0]
        (naru.directory / ".env").write_text(f"POSTGRESQL_BIN='{program('pg_dump').parent}'\n", encoding="utf-8")
        assert "(without TLS)" in there("backup", "run", code=5)
        assert len(archives(naru)) == 1


def test_what_the_embedded_server_cannot_take_is_restored_beside_the_target(naru: Naru) -> None:
    """pgcrypto wants OpenSSL, which the wheel has not."""
    with system_server() as admin:
        with connect(admin, application_name="t", autocommit=True) as session:
            session.execute("create extension pgcrypto")
            session.execute(_TABLES)
        there = Naru(naru.directory, admin)
        said = there("backup", "run", "--verify", "restore")
        assert "it needs the extension pgcrypto" in said
        assert "a scratch database of the target is used" in said
        assert "restored and equal" in said
        with connect(admin, application_name="t", autocommit=True) as session:
            names = [name for (name,) in session.execute("select datname from pg_database where not datistemplate")]
    assert names == ["postgres"]


def speak_tls(admin: Target) -> None:
    """Let the server show a certificate, from one of its next connections on."""
    with connect(admin, application_name="t", autocommit=True) as session:
        (directory,) = session.execute("show data_directory").fetchone() or ("",)
        made = make_certificate(Path(directory))
        for path in (made.path, made.key_path):
            path.chmod(0o600)
            owner = Path(directory).stat()
            os.chown(path, owner.st_uid, owner.st_gid)
        session.execute("alter system set ssl_cert_file = 'server.crt'")
        session.execute("alter system set ssl_key_file = 'server.key'")
        session.execute("alter system set ssl = on")
        session.execute("select pg_reload_conf()")
    private = replace(admin, parameters=(("sslmode", "require"),))
    deadline = time.monotonic() + 30
    while True:
        try:
            connect(private, application_name="t").close()
        except TargetError:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        else:
            return
