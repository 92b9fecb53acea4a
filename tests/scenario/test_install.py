"""`backup install`: the entry runs as cron and systemd run it, where nothing is as in the shell of the user."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.postgres.connect import Target
from tests.scenario.conftest import Naru

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="cron and systemd are not of Windows")

_CRONTAB = """#!/bin/sh
cd {folder} || exit 9
case $1 in
-l) [ -f tab ] || {{ echo "no crontab for me" >&2; exit 1; }}; cat tab ;;
-) cat >tab; echo written >>writes ;;
esac
"""


@pytest.fixture
def tab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that `crontab` keeps, which is first on PATH."""
    program = tmp_path / "bin" / "crontab"
    program.parent.mkdir()
    program.write_text(_CRONTAB.format(folder=shlex.quote(str(tmp_path))), encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path / "tab"


@pytest.fixture
def project(tmp_path: Path, database: Target) -> Naru:
    place = tmp_path / "나루 50% it's $HOME"
    place.mkdir()
    return Naru(place, database)


def as_cron(line: str, home: Path) -> subprocess.CompletedProcess[bytes]:
    """Run what follows the five fields; cron takes `\\%` for %, and a bare one for the end of the command."""
    command = re.split(r"(?<!\\)%", line.split(" ", 5)[5])[0].replace("\\%", "%")
    bare = {"HOME": str(home), "LOGNAME": "me", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return subprocess.run(["/bin/sh", "-c", command], env=bare, cwd=home, capture_output=True, timeout=240, check=False)


def test_the_installed_line_makes_a_backup(project: Naru, tab: Path, tmp_path: Path) -> None:
    tab.write_bytes(b"# mine\n\t5 * * * * date +\\%F \xff")
    project("backup", "install", "--cron", "--at", "03:30", "--format", "directory", "--jobs", "2")
    *mine, line = tab.read_bytes().splitlines()
    assert mine == [b"# mine", b"\t5 * * * * date +\\%F \xff"]
    assert line.startswith(b"30 3 * * * ")
    ended = as_cron(line.decode(), tmp_path)
    said = (project.directory / "logs" / "backup.log").read_text("utf-8")
    assert (ended.returncode, ended.stdout + ended.stderr) == (0, b""), said
    (manifest,) = (project.directory / "backups").glob("*[0-9].json")
    made = json.loads(manifest.read_text("utf-8"))
    assert made["read_back_at"]
    assert made["archive"] == "directory"
    assert "kept: 1 of 1 backups" in said


def test_the_password_is_in_one_file_that_is_its_owners(project: Naru, tab: Path) -> None:
    project("backup", "install", "--cron")
    assert project.target is not None
    assert project.target.password is not None
    secret = project.target.password.get_secret_value().encode()
    files = [path for path in (tab, *project.directory.rglob("*")) if path.is_file()]
    (holding,) = (path for path in files if secret in path.read_bytes())
    assert holding.name == "cron.pgpass"
    written = list(holding.parent.iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in written} == {0o600}
    assert secret.decode() not in project("backup", "install", "--cron", "--dry-run")


def test_a_failure_keeps_its_exit_code_and_is_told(project: Naru, tab: Path, tmp_path: Path) -> None:
    assert project.target is not None
    gone = Naru(project.directory, project.target.with_database("gone"))
    keep = 'import os, sys; print(os.environ["NARU_ERROR"], file=open("told", "w"))'
    quoted = shlex.join([sys.executable, "-c", keep]).replace("\\", "\\\\").replace("'", "\\'")
    (project.directory / ".env").write_text(f"BACKUP_ON_FAILURE='{quoted}'\n", encoding="utf-8")
    gone("backup", "install", "--cron")
    assert as_cron(tab.read_text("utf-8").splitlines()[-1], tmp_path).returncode == 5
    told = (project.directory / "told").read_text("utf-8")
    assert "the backup failed on" in told
    assert '"gone" does not exist' in told
    assert '"gone" does not exist' in (project.directory / "logs" / "backup.log").read_text("utf-8")
    assert not list((project.directory / "backups").glob("*.dump"))


def test_a_dry_run_writes_nothing_and_shows_what_is_written(project: Naru, tab: Path) -> None:
    shown = project("backup", "install", "--cron", "--dry-run")
    assert not tab.exists()
    assert [path.name for path in project.directory.iterdir()] == []
    project("backup", "install", "--cron")
    assert tab.read_text("utf-8") in shown
    assert (project.directory / ".naru-backup" / "cron.sh").read_text("utf-8") in shown


def test_it_is_written_once_and_goes_without_a_trace(project: Naru, tab: Path) -> None:
    tab.write_bytes(b"MAILTO=me\n")
    for _ in range(2):
        project("backup", "install", "--cron")
    assert (tab.parent / "writes").read_text() == "written\n"
    (project.directory / ".env").write_text("POSTGRESQL_PORT=nonsense\n", encoding="utf-8")
    project("backup", "install", "--cron", "--uninstall")
    assert tab.read_bytes() == b"MAILTO=me\n"
    assert [path.name for path in project.directory.iterdir()] == [".env"]
    assert "unchanged" in project("backup", "install", "--cron", "--uninstall")


def test_without_cron_it_is_told_what_to_do(project: Naru, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    assert "--systemd" in project("backup", "install", "--cron", code=5)
    assert not (project.directory / ".naru-backup").exists()


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        ((), "one of --cron and --systemd is needed"),
        (("--cron", "--systemd"), "one of --cron and --systemd is needed"),
        (("--cron", "--system"), "--system goes with --systemd"),
        (("--cron", "--at", "25:00"), "'25:00' is no time of the day"),
        (("--cron", "--jobs", "2"), "--jobs is for a directory"),
    ],
)
def test_what_cannot_be_is_refused(project: Naru, tab: Path, flags: tuple[str, ...], why: str) -> None:
    assert why in project("backup", "install", *flags, code=2)
    assert not tab.exists()
    assert list(project.directory.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere names are Unicode")
def test_a_directory_that_no_entry_can_name_is_refused(tab: Path, tmp_path: Path, database: Target) -> None:
    for name in ("two\nlines", os.fsdecode(b"\xb0\xa1")):  # as an old archive unpacks a name of code page 949
        place = tmp_path / name
        place.mkdir()
        assert "rename the directory" in Naru(place, database)("backup", "install", "--cron", code=2)
        assert list(place.iterdir()) == []
    assert not tab.exists()


def test_who_is_told_by_nobody_is_told_when_installing(project: Naru, tab: Path) -> None:
    assert "BACKUP_ON_FAILURE" in project("backup", "install", "--cron")
    (project.directory / ".env").write_text("BACKUP_ON_FAILURE=true\n", encoding="utf-8")
    assert "BACKUP_ON_FAILURE" not in project("backup", "install", "--cron")


def test_the_units_make_a_backup_and_are_what_systemd_reads(
    project: Naru, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "systemctl"
    program.write_text(f'#!/bin/sh\necho "$@" >>{shlex.quote(str(calls))}\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    units = tmp_path / "config" / "systemd" / "user"
    shown = project("backup", "install", "--systemd", "--dry-run")
    assert not units.exists()
    project("backup", "install", "--systemd", "--at", "2:00")
    assert calls.read_text().splitlines() == ["--user daemon-reload", "--user enable --now naru-backup.timer"]
    service, timer = (units / f"naru-backup.{kind}" for kind in ("service", "timer"))
    assert service.read_text("utf-8") in shown
    assert "OnCalendar=*-*-* 02:00:00" in timer.read_text("utf-8")
    analyze = shutil.which("systemd-analyze")
    if analyze:
        ended = subprocess.run([analyze, "verify", service, timer], capture_output=True, text=True, check=False)
        assert "naru-backup" not in ended.stderr
    (quoted,) = re.findall(r'^ExecStart=/bin/sh "(.*)"$', service.read_text("utf-8"), re.MULTILINE)
    script = quoted.replace("%%", "%").replace("$$", "$")
    bare = {"HOME": str(tmp_path), "PATH": "/usr/bin:/bin"}
    subprocess.run(["/bin/sh", script], env=bare, cwd="/", timeout=240, check=True)
    assert len(list((project.directory / "backups").glob("*.dump"))) == 1
    (tmp_path / "second").mkdir()
    second = Naru(tmp_path / "second", project.target)
    assert "not of this project" in second("backup", "install", "--systemd", code=2)
    project("backup", "install", "--systemd", "--uninstall")
    assert list(units.iterdir()) == []
    assert not (project.directory / ".naru-backup").exists()


@pytest.mark.parametrize("there", [True, False], ids=["fails", "missing"])
def test_what_systemctl_did_not_do_is_told(
    project: Naru, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    program = tmp_path / "bin" / "systemctl"
    program.parent.mkdir()
    if there:
        program.write_text("#!/bin/sh\necho no bus >&2\nexit 1\n", encoding="utf-8")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    said = project("backup", "install", "--systemd", code=5 if there else 0)
    assert "systemctl --user daemon-reload && systemctl --user enable --now naru-backup.timer" in said
    assert ("no bus" in said) is there
    assert (tmp_path / "config" / "systemd" / "user" / "naru-backup.timer").exists()
