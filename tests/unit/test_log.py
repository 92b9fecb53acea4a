from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import structlog
from pydantic import SecretStr

from pipeline import log
from pipeline.errors import SettingsError


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_events_are_json_lines_with_the_run_and_their_facts(tmp_path: Path) -> None:
    logger = log.get_logger()  # made before the log is open, as modules do
    path = log.open_log(tmp_path / "logs", verbose=False, run_id="r1")
    logger.info("batch loaded", table="품목", rows=3)
    (line,) = _lines(path)
    assert {
        "event": "batch loaded",
        "level": "info",
        "run_id": "r1",
        "table": "품목",
        "rows": 3,
    }.items() <= line.items()
    assert re.fullmatch(r"migration_\d{8}_\d{6}\.log", path.name)


def test_lines_of_worker_threads_name_the_run_too(tmp_path: Path) -> None:
    path = log.open_log(tmp_path, verbose=False, run_id="r1")
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda number: log.get_logger().info("batch loaded", number=number), range(50)))
    assert sorted((line["number"], line["run_id"]) for line in _lines(path)) == [(n, "r1") for n in range(50)]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no permission bits")
def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = log.open_log(tmp_path, verbose=False, run_id="r")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_terminal_stays_quiet_unless_asked(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    logger = log.get_logger()
    logger.critical("before the log is open")
    log.open_log(tmp_path, verbose=False, run_id="r")
    logger.critical("quiet")
    assert capfd.readouterr() == ("", "")
    log.open_log(tmp_path, verbose=True, run_id="r")
    logger.debug("spoken")
    out, err = capfd.readouterr()
    assert out == ""
    assert "spoken" in err


@pytest.mark.parametrize(
    "facts",
    [
        {"password": "hunter2"},
        {"PGPASSWORD": "hunter2"},
        {"target": {"user": "u", "password": "hunter2"}},
        {"targets": [{"secret": "hunter2"}]},
        {"value": SecretStr("hunter2")},
        {"url": "postgresql://u:hunter2@h/d"},
        {"text": "host=h password=hunter2 dbname=d"},
        {"text": "host=h password='hunter2 too' dbname=d"},
        {"error": ValueError("cannot use postgresql://u:hunter2@h/d")},
        {"host": "host 'mssql://u:a@b/hunter2@h/d' is no name"},
        {"path": "mssql:/u:hunter2@h/d"},
        {"path": "Server=h;PWD={;hunter2}};x};Database=d"},
    ],
)
@pytest.mark.parametrize("verbose", [False, True])
def test_no_secret_is_written(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], facts: dict[str, Any], verbose: bool
) -> None:
    path = log.open_log(tmp_path, verbose=verbose, run_id="r")
    log.get_logger().error("failed", **facts)
    written = path.read_text(encoding="utf-8") + capfd.readouterr().err
    assert "failed" in written
    assert "hunter2" not in written


def test_a_traceback_is_kept_without_local_variables(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = log.open_log(tmp_path, verbose=True, run_id="r")
    key = "hunter" + "2"
    try:
        raise ValueError(len(key))
    except ValueError:
        log.get_logger().exception("crashed")
    (line,) = _lines(path)
    assert "ValueError: 7" in line["exception"]
    assert "hunter2" not in path.read_text(encoding="utf-8") + capfd.readouterr().err


def test_text_that_utf8_cannot_hold_is_escaped(tmp_path: Path) -> None:
    path = log.open_log(tmp_path, verbose=False, run_id="r")
    log.get_logger().info("lone surrogate", value="\ud800")
    assert _lines(path)[0]["value"] == "\ud800"


def test_a_directory_that_cannot_be_is_a_settings_error(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with pytest.raises(SettingsError, match="logs"):
        log.open_log(tmp_path / "logs", verbose=False, run_id="r")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux")
def test_a_full_disk_under_the_log_is_said_and_survived(tmp_path: Path) -> None:
    program = f"""
import os
from pathlib import Path
from pipeline import log
path = log.open_log(Path({str(tmp_path)!r}), verbose=False, run_id="r")
log.get_logger().info("fits")
full = os.open("/dev/full", os.O_WRONLY)
for handle in map(int, os.listdir("/proc/self/fd")):
    if handle > 2 and Path(f"/proc/self/fd/{{handle}}").resolve() == path:
        os.dup2(full, handle)
log.get_logger().info("does not fit")
os.dup2(full, 2)
log.get_logger().info("does not fit, nor does what is said of it")
print("still here")
"""
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path.cwd(), check=False)
    assert ended.stdout == "still here\n"
    assert ended.stderr.count("log line lost") == 1


def test_warnings_reach_the_terminal_and_say_no_password(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    log.get_logger().warning("trying again", error="postgresql://u:hunter2@h/d", hint=None)
    log.get_logger().info("not of interest")
    log.open_log(tmp_path, verbose=False, run_id="r")
    log.get_logger().warning("moved", source="shop")
    log.get_logger().info("not of interest")
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "warning: trying again: error=postgresql://u:***@h/d\nwarning: moved: source=shop\n"


def test_masking_takes_bounded_time() -> None:
    assert log.masked("a+" * 100_000 + "a:b:" * 100_000)
