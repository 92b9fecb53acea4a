"""What a failure tells, and what it never hides."""

from __future__ import annotations

import json
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from pipeline.backup import notice
from pipeline.backup.notice import told
from pipeline.errors import BackupError

_KEEP = """import os, sys, pathlib
kept = [sys.stdin.read(), os.environ['NARU_ERROR'], str('DATABASE_URL' in os.environ)]
pathlib.Path(sys.argv[1]).write_text('|'.join(kept), encoding='utf-8')"""


class Hook(BaseHTTPRequestHandler):
    """Keeps what is posted, and answers with the status that its path names."""

    posted: list[Any]

    def do_POST(self) -> None:
        self.posted.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(int(self.path.strip("/")))
        self.send_header("Location", "/200")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def hook() -> Iterator[tuple[str, list[Any]]]:
    Hook.posted = []
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", Hook.posted
        server.shutdown()
        thread.join()


def fail(where: str | None, message: str = "pg_dump 실패 of postgresql://u:pw@h/d") -> None:
    with told(None if where is None else SecretStr(where), "the backup"):
        raise BackupError(message)


def command(*parts: str) -> str:
    return shlex.join([sys.executable, "-c", *parts]) if sys.platform != "win32" else " ".join(parts)


@pytest.mark.skipif(sys.platform == "win32", reason="its quoting is another")
def test_a_command_gets_the_message_and_no_password(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:pw@h/d")
    kept = tmp_path / "메일 $(id) ;"
    with pytest.raises(BackupError, match="실패"):
        fail(command(_KEEP, str(kept)))
    typed, said, has_url = kept.read_text("utf-8").split("|")
    assert typed == f"{said}\n"
    assert "the backup failed on" in said
    assert "pg_dump 실패 of postgresql://u:***@h/d" in said
    assert has_url == "False"


def test_a_webhook_gets_it_as_text(hook: tuple[str, list[Any]]) -> None:
    with pytest.raises(BackupError):
        fail(f"{hook[0]}/200")
    (posted,) = hook[1]
    assert "pg_dump 실패 of postgresql://u:***@h/d" in posted["text"]


@pytest.mark.parametrize("status", ["302", "404", "500"])
def test_a_webhook_that_refuses_is_told_and_hides_nothing(
    hook: tuple[str, list[Any]], capsys: pytest.CaptureFixture[str], status: str
) -> None:
    with pytest.raises(BackupError, match="pg_dump"):
        fail(f"{hook[0]}/{status}")
    assert len(hook[1]) == 1
    assert status in capsys.readouterr().err


@pytest.mark.parametrize(
    "where",
    [
        "/no/such/token-xyz",
        "'token-xyz",
        "http://127.0.0.1:1/token-xyz",
        "http://[token-xyz",
        command("raise SystemExit(3)"),
    ],
)
def test_a_notice_that_fails_is_told_without_its_address(where: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(BackupError, match="pg_dump"):
        fail(where)
    said = capsys.readouterr().err
    assert "could not be sent" in said
    assert "token-xyz" not in said


_FLOOD = "import sys\nwhile True: sys.stdout.buffer.write(b'x' * (1 << 20))"
_LEAVES_A_CHILD = """import pathlib, subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
pathlib.Path(sys.argv[1]).write_text(str(child.pid))
time.sleep(60)"""


@pytest.mark.skipif(sys.platform == "win32", reason="the memory is measured as POSIX does")
def test_a_command_that_never_stops_talking_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource  # not of Windows

    monkeypatch.setattr(notice, "_TIMEOUT_S", 2)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BackupError, match="pg_dump"):
        fail(command(_FLOOD))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


@pytest.mark.skipif(sys.platform != "linux", reason="looks at /proc")
def test_what_a_command_has_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(notice, "_TIMEOUT_S", 3)
    with pytest.raises(BackupError, match="pg_dump"):
        fail(command(_LEAVES_A_CHILD, str(tmp_path / "pid")))
    assert "TimeoutExpired" in capsys.readouterr().err
    status = Path("/proc", (tmp_path / "pid").read_text(), "status")
    deadline = time.monotonic() + 10
    while status.exists() and "Z (zombie)" not in status.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_what_succeeds_tells_nobody(hook: tuple[str, list[Any]]) -> None:
    with told(SecretStr(hook[0]), "the backup"):
        pass
    assert hook[1] == []
