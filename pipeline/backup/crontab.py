"""The user's crontab: one line of it is ours, and every other byte stays what it is."""

from __future__ import annotations

import os
import re
import subprocess

from pipeline.backup.schedule import At, Job
from pipeline.errors import BackupError

_NONE_YET = re.compile("no crontab|No such file", re.IGNORECASE)
_SHELL_QUOTE = str.maketrans({"'": "'\\''"})


def line_of(job: Job, at: At) -> str:
    """For any cron, which knows no variables here and takes an unescaped % as the end of the command."""
    command = f"/bin/sh '{str(job.script).translate(_SHELL_QUOTE)}'"
    return f"{at.minute} {at.hour} * * * {command} {job.mark}".replace("%", r"\%")


def read_crontab() -> bytes:
    """As it is; empty where the user has none. Raises BackupError."""
    ended = _crontab("-l")
    if ended.returncode == 0:
        return ended.stdout
    said = ended.stderr.decode(errors="replace").strip()
    if _NONE_YET.search(said):
        return b""
    raise BackupError(f"the crontab cannot be read: {said or ended.returncode}", hint="see what `crontab -l` says")


def with_line(crontab: bytes, job: Job, line: str | None) -> bytes:
    """The crontab with this line as the only one of the job, in the place of the one before; None takes it out."""
    mark = job.mark.replace("%", r"\%").encode()
    lines = crontab.splitlines(keepends=True)
    ours = [number for number, other in enumerate(lines) if other.rstrip(b"\r\n").endswith(b" " + mark)]
    place = ours[0] if ours else len(lines)
    kept = [other for number, other in enumerate(lines) if number not in ours]
    if line is None:
        return b"".join(kept)
    if place == len(kept) and kept and not kept[-1].endswith(b"\n"):
        kept[-1] += b"\n"
    return b"".join([*kept[:place], line.encode() + b"\n", *kept[place:]])


def write_crontab(content: bytes) -> None:
    """Raises BackupError."""
    ended = _crontab("-", content)
    if ended.returncode != 0:
        said = ended.stderr.decode(errors="replace").strip()
        raise BackupError(f"the crontab was not taken: {said or ended.returncode}", hint="see what `crontab -l` says")


def _crontab(argument: str, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["crontab", argument],  # noqa: S607  (each system has its own place for it)
            input=content,
            env=os.environ | {"LC_ALL": "C"},
            capture_output=True,
            timeout=60,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BackupError(
            f"crontab does not run here: {type(error).__name__}",
            hint="install cron (Debian, Ubuntu: apt-get install cron), or use --systemd",
        ) from error
