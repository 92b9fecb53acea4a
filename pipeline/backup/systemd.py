"""A service and a timer of systemd, of the user or of the system."""

from __future__ import annotations

import getpass
import os
import shlex
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from pipeline.backup.files import make_folder, refusals, remove, write_whole
from pipeline.backup.schedule import At, Job
from pipeline.errors import BackupError, UsageError

_NAME = "naru-backup"
_TIMER = f"{_NAME}.timer"


@dataclass(frozen=True, slots=True)
class Units:
    """Where they are, and whose."""

    system: bool

    @property
    def folder(self) -> Path:
        if self.system:
            return Path("/etc/systemd/system")
        return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "systemd" / "user"

    @property
    def service(self) -> Path:
        return self.folder / f"{_NAME}.service"

    @property
    def timer(self) -> Path:
        return self.folder / _TIMER

    def texts(self, job: Job, at: At) -> dict[Path, str]:
        about = f"{job.mark}\n[Unit]\nDescription=Naru: "
        user = f"User={getpass.getuser()}\n" if self.system else ""
        return {
            self.service: f"{about}backup of the night\n\n[Service]\nType=oneshot\n{user}"
            f"ExecStart=/bin/sh {_quoted(str(job.script))}\n",
            self.timer: f"{about}backup every night at {at.hour:02}:{at.minute:02}\n\n[Timer]\n"
            f"OnCalendar=*-*-* {at.hour:02}:{at.minute:02}:00\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n",
        }

    def check_owner(self, job: Job) -> None:
        """Raises UsageError where the units are of another project, or of nobody we know."""
        for path in (self.service, self.timer):
            with refusals(f"{path} cannot be read"):
                if path.exists() and path.read_text("utf-8").splitlines()[:1] != [job.mark]:
                    raise UsageError(f"{path} is not of this project", hint="uninstall it where it was installed")

    def write(self, job: Job, at: At) -> None:
        """Raises BackupError, UsageError."""
        self.check_owner(job)
        if not self.folder.is_dir():
            make_folder(self.folder)
        for path, text in self.texts(job, at).items():
            write_whole(path, text)

    def remove(self) -> None:
        for path in (self.service, self.timer):
            with refusals(f"{path} cannot be removed"):
                remove(path)

    @property
    def enabling(self) -> list[list[str]]:
        return [self._command("daemon-reload"), self._command("enable", "--now", _TIMER)]

    @property
    def disabling(self) -> list[list[str]]:
        return [self._command("disable", "--now", _TIMER)]

    @property
    def reloading(self) -> list[list[str]]:
        return [self._command("daemon-reload")]

    def _command(self, *words: str) -> list[str]:
        return ["systemctl", *([] if self.system else ["--user"]), *words]


def control(commands: list[list[str]]) -> bool:
    """Run them; False where there is no systemctl. Raises BackupError where one fails."""
    program = shutil.which("systemctl")
    if program is None:
        return False
    for _, *words in commands:
        try:
            ended = subprocess.run([program, *words], capture_output=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise BackupError(f"systemctl does not run: {type(error).__name__}", hint=_by_hand(commands)) from error
        if ended.returncode != 0:
            said = ended.stderr.decode(errors="replace").strip()
            raise BackupError(f"systemctl {shlex.join(words)}: {said or ended.returncode}", hint=_by_hand(commands))
    return True


def _by_hand(commands: list[list[str]]) -> str:
    return f"the units are written; run it yourself: {' && '.join(map(shlex.join, commands))}"


def _quoted(path: str) -> str:
    """As systemd reads it: % and $ stand for something, unless doubled."""
    doubled = path.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("$", "$$")
    return f'"{doubled}"'
