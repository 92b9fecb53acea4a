"""Databases with backups, and a pg_dump that waits."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.postgres.connect import Target, connect
from tests.scenario.backup.backups import TABLES, Slow, age, archives, slow_pg_dump
from tests.scenario.conftest import Naru


@pytest.fixture
def filled(database: Target) -> Target:
    with connect(database, application_name="t", autocommit=True) as session:
        session.execute(TABLES)
    return database


@pytest.fixture
def two(filled: Target, naru: Naru) -> list[Path]:
    """The archives of two good backups, the older one before the days that are kept."""
    naru("backup", "run")
    age(naru.directory / "backups", days=100)
    naru("backup", "run", "--keep-days", "7", "--keep-weekly", "9", "--keep-monthly", "9")
    found = archives(naru)
    assert len(found) == 2
    return found


@pytest.fixture
def slow(naru: Naru, tmp_path_factory: pytest.TempPathFactory) -> Slow:
    return slow_pg_dump(naru, tmp_path_factory.mktemp("slow"))
