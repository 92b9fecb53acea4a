"""Whose account the server runs under: PostgreSQL refuses to run as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import TargetError


@dataclass(frozen=True, slots=True)
class Account:
    """How to start a program so that it is not root."""

    prefix: tuple[str, ...] = ()
    """Command that goes before the program."""
    uid: int | None = None
    """Another user to become; None is to stay as we are."""
    gid: int | None = None

    def give(self, path: Path) -> None:
        """Let the account own what we have made for it."""
        if sys.platform != "win32" and self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)


def account_for(home: Path) -> Account:
    """The account that owns `home`, or may own it; raises TargetError for root without a way out of it."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    owner = home.stat()
    if owner.st_uid != 0:  # a home made by its user, now run with sudo: it stays theirs
        return Account(uid=owner.st_uid, gid=owner.st_gid)
    return _namespace() or _other_user()


if sys.platform != "win32":
    import pwd

    def _namespace() -> Account | None:
        """Root of the outside as a normal user of a user namespace: files stay ours, and no path needs opening."""
        unshare = shutil.which("unshare")
        user = next((entry for entry in pwd.getpwall() if entry.pw_uid), None)
        if unshare is None or user is None:
            return None
        prefix = (unshare, "--user", f"--map-user={user.pw_uid}", f"--map-group={user.pw_gid}", "--")
        probe = subprocess.run([*prefix, "true"], capture_output=True, check=False)
        return Account(prefix) if probe.returncode == 0 else None

    def _other_user() -> Account:
        """Containers forbid user namespaces; there, a user without rights does."""
        for name in ("postgres", "nobody"):
            try:
                user = pwd.getpwnam(name)
            except KeyError:
                continue
            return Account(uid=user.pw_uid, gid=user.pw_gid)
        raise TargetError(
            "postgresql does not run as root, and this system has neither user namespaces nor a user nobody",
            hint="run as another user, or set POSTGRESQL_HOST to a server of your own",
        )
