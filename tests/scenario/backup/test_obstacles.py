"""A backup that something is in the way of is none, and costs none."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.embedded import EmbeddedServer
from tests.scenario.backup.backups import Slow, archives, everything, own_pg_dump, slow_pg_dump
from tests.scenario.conftest import Naru


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


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("kill -9 $$", "was killed by signal 9"),
        ("echo No space left on device >&2; exit 1", "No space left"),
        ('$real "$@"; for out; do case $out in --file=*) truncate -s 99 "${out#--file=}";; esac; done', "a part of"),
    ],
    ids=["killed", "fails", "writes half"],
)
def test_roles_that_may_be_read_and_are_not_leave_no_backup(
    two: list[Path], naru: Naru, tmp_path_factory: pytest.TempPathFactory, body: str, told: str
) -> None:
    before = everything(naru)
    own_pg_dump(naru, tmp_path_factory.mktemp("own"), body, name="pg_dumpall")
    said = naru("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0", code=5)
    assert told in said
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
    assert "psycopg" not in err
    assert not everything(naru)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are POSIX")
@pytest.mark.parametrize("number", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_stop_leaves_no_backup(filled: Target, naru: Naru, slow: Slow, number: str) -> None:
    process = naru.start("backup", "run")
    slow.wait(process)
    process.send_signal(signal.Signals[number])
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
