"""Whose refusal says that a backup is broken."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from pipeline.backup import verify
from pipeline.backup.folder import Backup
from pipeline.backup.manifest import File, Format, Manifest, as_text
from pipeline.backup.scratch import Scratch
from pipeline.backup.verify import Refused, verify_by_restoring
from pipeline.errors import BackupError
from pipeline.postgres.client.programs import Need, Programs
from pipeline.postgres.target import Target
from pipeline.report.phases import PhaseLines

_TARGET = Target("127.0.0.1", 1, "u", "d")
_PROGRAMS = Programs(Path("bin"), "18.6")
_NOBODY = PhaseLines(Console(quiet=True))
_NOW = datetime(2026, 1, 1, tzinfo=UTC)


def backup(folder: Path, roles_error: str | None) -> Backup:
    name = "shop_20260101_000000"
    manifest = Manifest(
        format=1,
        name=name,
        sequence=1,
        created_at=_NOW,
        day=_NOW.date(),
        tool="t",
        pg_dump="18.6",
        server="18.6",
        target="t",
        cluster="1",
        database="shop",
        database_bytes=0,
        extensions=(),
        archive=Format.CUSTOM,
        files=(File(path=f"{name}.dump", bytes=0, sha256="0" * 64),),
        roles_error=roles_error,
        tables=(),
        read_back_at=_NOW,
    )
    (folder / f"{name}.json").write_text(as_text(manifest), encoding="utf-8")
    return Backup(folder, manifest, None, ())


@pytest.mark.parametrize(
    ("words", "own", "decisive", "roles_error", "broken"),
    [
        ("collation", True, False, None, False),
        ("collation", False, False, None, False),
        ("collation", False, True, None, True),
        ('role "x" does not exist', True, False, None, True),
        ('role "x" does not exist', True, False, "permission denied", False),
        ('role "x" does not exist', False, False, None, False),
    ],
)
def test_only_who_can_tell_says_that_it_is_broken(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: str,
    own: bool,
    decisive: bool,
    roles_error: str | None,
    broken: bool,
) -> None:
    def refuse(*_: object, **__: object) -> NoReturn:
        raise BackupError(words)

    monkeypatch.setattr(verify, "restore", refuse)
    scratch = Scratch(_TARGET, "somewhere", own, Need(18, tls=False), decisive)
    it = backup(tmp_path, roles_error)
    if broken:
        assert words in verify_by_restoring(it, _PROGRAMS, scratch, _NOBODY).problems
    else:
        with pytest.raises(Refused, match="somewhere does not take the backup"):
            verify_by_restoring(it, _PROGRAMS, scratch, _NOBODY)
        assert not (tmp_path / it.names.verified).exists()
