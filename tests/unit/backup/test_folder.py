"""A directory of backups that cannot be used is told as such."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import pytest

from pipeline.backup.folder import all_backups
from pipeline.backup.lock import alone_in
from pipeline.errors import BackupError, LockedError


def test_a_lock_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    (tmp_path / ".lock").mkdir()
    with pytest.raises(BackupError, match="cannot be locked"), alone_in(tmp_path):
        pass


def test_a_second_one_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with alone_in(tmp_path), pytest.raises(LockedError), alone_in(tmp_path):
        pass
    with alone_in(tmp_path):
        pass


def test_a_directory_that_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> NoReturn:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    with pytest.raises(BackupError, match="cannot be read: Permission denied"):
        all_backups(tmp_path)
