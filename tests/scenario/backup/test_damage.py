"""What is damaged is told, and nothing good is removed."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from pipeline.postgres.connect import Target
from tests.scenario.backup.backups import age, archives, everything, flip_a_bit
from tests.scenario.conftest import Naru


def truncate(archive: Path) -> None:
    os.truncate(archive, archive.stat().st_size // 2)


def take_away(archive: Path) -> None:
    archive.unlink()


def spoil_the_manifest(archive: Path) -> None:
    archive.with_suffix(".json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize("damage", [truncate, flip_a_bit, take_away, spoil_the_manifest])
def test_nothing_is_removed_where_the_newest_is_damaged(two: list[Path], naru: Naru, damage: Any) -> None:
    old, new = two
    damage(new)
    before = everything(naru)
    assert naru("backup", "verify", code=5 if damage is spoil_the_manifest else 1)
    assert "broken" in naru("backup", "list")
    naru("backup", "verify", old)
    naru("backup", "prune", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    after = everything(naru)
    assert before.items() <= after.items()


def test_a_prune_reads_the_newest_before_it_removes_any(two: list[Path], naru: Naru) -> None:
    flip_a_bit(two[-1])
    everything_before = everything(naru)
    naru("backup", "prune", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0", code=5)
    assert everything_before.items() <= everything(naru).items()


def test_old_ones_go_after_a_success_and_strangers_stay(two: list[Path], naru: Naru) -> None:
    folder = naru.directory / "backups"
    (folder / "other.dump").write_text("not ours", encoding="utf-8")
    few = ("--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert two[0].name in naru("backup", "prune", *few, "--dry-run")
    assert archives(naru) == two
    naru("backup", "run", *few)
    assert not two[0].exists()
    assert two[1] in archives(naru)
    assert sorted(path.name for path in folder.glob(f"{two[0].stem}*")) == []
    assert (folder / "other.dump").exists()


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hostname", "other.dump", "x_20260101_000000.dump/../../y"])
def test_a_manifest_can_name_no_file_of_others(two: list[Path], naru: Naru, path: str) -> None:
    manifest_path = two[0].with_suffix(".json")
    manifest = json.loads(manifest_path.read_text("utf-8"))
    manifest["files"].append({"path": path, "bytes": 0, "sha256": "0" * 64})
    manifest_path.write_text(json.dumps(manifest), encoding="utf-8")
    naru("backup", "verify", two[0], code=5)
    naru("backup", "prune", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert two[0].exists()


def test_a_clock_that_went_back_does_not_cost_the_newest(filled: Target, naru: Naru) -> None:
    naru("backup", "run")
    age(naru.directory / "backups", days=-400)  # written by a clock that ran ahead
    (ahead,) = archives(naru)
    naru("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    now = archives(naru)
    assert len(now) == 2
    naru("backup", "run", "--keep-days", "1", "--keep-weekly", "0", "--keep-monthly", "0")
    assert {*now} <= {*archives(naru)}
    assert ahead.exists()


def test_an_archive_without_its_manifest_is_no_backup(two: list[Path], naru: Naru) -> None:
    two[1].with_suffix(".json").unlink()
    assert f"{two[1].name} has no manifest" in naru("backup", "list")
    assert "has no manifest" in naru("backup", "verify", code=5)
    naru("backup", "verify", two[1], code=5)
