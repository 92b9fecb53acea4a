"""A manifest comes back as it was, and what cannot be one is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.backup.manifest import Manifest, Verified, as_text, read_manifest, read_verified
from pipeline.errors import BackupError

NAME = "shop_20261121_020000"


def manifest(**changed: Any) -> dict[str, Any]:
    table = {"schema": "public", "name": "주문", "rows": 3, "hash": "a" * 32}
    whole = {
        "format": 1,
        "name": NAME,
        "sequence": 7,
        "created_at": "2026-11-21T02:00:00+09:00",
        "day": "2026-11-21",
        "tool": "0.1.0",
        "pg_dump": "18.6",
        "server": "17beta2",
        "target": "postgresql://localhost/shop",
        "cluster": "7",
        "database": "shop",
        "database_bytes": 9,
        "extensions": ["citext"],
        "archive": "custom",
        "files": [{"path": f"{NAME}.dump", "bytes": 1, "sha256": "0" * 64}],
        "roles_error": None,
        "tables": [table],
        "read_back_at": "2026-11-20T17:01:00Z",
    }
    return whole | changed


def written(folder: Path, values: object, name: str = f"{NAME}.json") -> Path:
    path = folder / name
    path.write_text(json.dumps(values, ensure_ascii=False), encoding="utf-8")
    return path


def test_it_comes_back_as_it_was(tmp_path: Path) -> None:
    read = read_manifest(written(tmp_path, manifest()))
    assert (read.pg_dump_major, read.server_major, read.bytes, read.tables[0].full_name) == (18, 17, 1, "public.주문")
    (tmp_path / f"{NAME}.json").write_text(as_text(read), encoding="utf-8")
    assert read_manifest(tmp_path / f"{NAME}.json") == read == Manifest.model_validate(manifest())


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"format": 3}, "format: "),
        ({"format": 2}, "sequences or large_objects: missing"),
        ({"more": 1}, "more: Extra inputs"),
        ({"sequence": 0}, "sequence: "),
        ({"sequence": 10**400}, "sequence: "),
        ({"sequence": "7"}, "sequence: "),
        ({"created_at": "2026-11-21T02:00:00"}, "created_at: "),
        ({"day": "yesterday"}, "day: "),
        ({"pg_dump": "1" * 5000}, "pg_dump: "),
        ({"server": "PostgreSQL 18"}, "server: "),
        ({"database_bytes": True}, "database_bytes: "),
        ({"archive": "tar"}, "archive: "),
        ({"files": []}, "files: no archive"),
        ({"files": [{"path": "../etc", "bytes": 1, "sha256": "0" * 64}]}, "files: ../etc"),
        ({"files": [{"path": f"{NAME}.dump", "bytes": -1, "sha256": "0" * 64}]}, "files.0.bytes: "),
        ({"files": [{"path": f"{NAME}.dump", "bytes": 1, "sha256": "0" * 63}]}, "files.0.sha256: "),
        ({"tables": [{"schema": "public", "name": "t", "rows": 1.5, "hash": "a" * 32}]}, "tables.0.rows: "),
        (
            {"sequences": [{"schema": "s", "name": "n", "increment": 1, "before": [1, 1], "after": [1, True]}]},
            "sequences.0.before.1: ",
        ),
        ({"large_objects": {"count": -1, "hash": "a" * 32}}, "large_objects.count: "),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, changed: dict[str, Any], why: str) -> None:
    path = written(tmp_path, manifest(**changed))
    with pytest.raises(BackupError) as refused:
        read_manifest(path)
    assert refused.value.message.startswith(f"{path} is no manifest of a backup: ")
    assert why in refused.value.message


def test_under_another_name_it_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match=f"other.json is the manifest of {NAME}"):
        read_manifest(written(tmp_path, manifest(), "other.json"))


def test_what_was_not_verified_yet_has_no_record_of_it(tmp_path: Path) -> None:
    assert read_verified(tmp_path / f"{NAME}.verified.json") is None
    look = {"at": "2026-11-21T03:00:00Z", "problems": ["a row is gone"], "where": "a server of its own"}
    path = written(tmp_path, {"format": 1, "name": NAME, "restored": look}, f"{NAME}.verified.json")
    read = read_verified(path)
    assert read == Verified.model_validate({"format": 1, "name": NAME, "restored": look})
    assert read.problems == ("a row is gone",)
