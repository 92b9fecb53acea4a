"""The target goes away while rows are on their way: killed, restarted, or out of space."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.postgres.connect import connect
from pipeline.postgres.embedded import EmbeddedServer
from tests.scenario.conftest import Naru


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[EmbeddedServer]:
    """A server of the test's own, to be mistreated."""
    tmp_path.chmod(0o755)
    embedded = EmbeddedServer(tmp_path / "server")
    embedded.ensure_running()
    yield embedded
    embedded.stop()


def wait_for_batches(server: EmbeddedServer, batches: int) -> None:
    deadline = time.monotonic() + 60
    with connect(server.target(), application_name="t", autocommit=True) as connection:
        while connection.execute("select to_regclass('_naru.batch') is not null").fetchone() == (False,):
            assert time.monotonic() < deadline
        while connection.execute("select count(*) >= %s from _naru.batch", [batches]).fetchone() == (False,):
            assert time.monotonic() < deadline, "the run commits nothing"


@pytest.mark.skipif(os.name == "nt", reason="kills the postmaster by signal")
def test_a_killed_server_that_comes_back_is_resumed_by_itself(
    own_server: EmbeddedServer, sample: Path, tmp_path: Path
) -> None:
    naru = Naru(tmp_path, own_server.target())
    process = naru.start("migrate", sample, "--batch-size", "10")
    wait_for_batches(own_server, 20)
    pid = own_server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert own_server.ensure_running() == naru.target, "it is back at the same place"
    out, err = process.communicate(timeout=200)
    assert process.returncode == 0, out + err
    assert "verified: no findings" in out
    (log,) = (tmp_path / "logs").glob("*.log")
    assert "target unavailable, trying again" in log.read_text("utf-8")


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 24 MB; needs the right to mount one."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = shutil.which("mount")
    if (
        mount is None
        or subprocess.run(
            [mount, "-t", "tmpfs", "-o", "size=24m,mode=0777", "tmpfs", str(place)], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip("no right to mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=False)


def test_a_full_disk_is_said_and_the_run_goes_on_when_there_is_space(
    tiny_disk: Path, tmp_path: Path, large: Path
) -> None:
    tmp_path.chmod(0o755)
    server = EmbeddedServer(tmp_path / "server")
    target = server.ensure_running()
    try:
        space = tiny_disk / "tablespace"
        space.mkdir(mode=0o777)
        space.chmod(0o777)
        with connect(target, application_name="t", autocommit=True) as connection:
            connection.execute(f"create tablespace tiny location '{space}'")  # type: ignore[arg-type]
            connection.execute(f"alter database {target.database} set default_tablespace = tiny")  # type: ignore[arg-type]
        naru = Naru(tmp_path, target)
        said = naru("migrate", large, "--tables", "items", code=5)
        assert "no space left" in said.lower()
        assert "free space" in said
        with connect(target, application_name="t", autocommit=True) as connection:
            arrived = connection.execute("select rows_read, (select count(*) from items) from _naru.load").fetchone()
            assert arrived is not None
            assert arrived[0] == arrived[1] > 0, "what is committed is what the ledger says"
        subprocess.run(["mount", "-o", "remount,size=400m", str(tiny_disk)], check=True)
        assert "no findings" in naru("migrate", large, "--tables", "items")
    finally:
        server.stop()
