"""Proofs to read and to change."""

from __future__ import annotations

from typing import Any

NO_HASH = "0" * 32


def table(name: str = "t", **other: object) -> dict[str, Any]:
    return {
        "columns": [{"name": "id", "type": "integer"}, {"name": "이름", "type": "varchar(20)"}],
        "filtered": 0,
        "hash": "a" * 32,
        "key": ["id"],
        "losses": {"hash": "b" * 32, "kinds": [{"column": "이름", "count": 3, "rule": "trim"}]},
        "name": name,
        "others": False,
        "rejects": {"hash": NO_HASH, "kinds": []},
        "rows": 2,
        "schema": "public",
        "source": "T",
        "source_rows": 2,
    } | other


def proof(*tables: dict[str, Any], **other: object) -> dict[str, Any]:
    return {
        "findings": 0,
        "format": 1,
        "mapping": "c" * 64,
        "run": "r1",
        "source": {"fingerprint": "f", "name": "shop.accdb"},
        "tables": [*tables] or [table()],
        "target": "postgresql://u@h:5432/d",
        "tool": "0.1.0",
        "verdict": "complete",
        "verified_at": "2026-11-21T18:00:00Z",
    } | other
