"""The command line as a user has it: a process of its own, in an empty directory."""

from __future__ import annotations

import json
import lzma
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.postgres.connect import Target
from tests.commands import run

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Naru:
    """`python -m pipeline` in one directory, with one target."""

    directory: Path
    target: Target | None

    @property
    def environment(self) -> dict[str, str]:
        foreign = ("PG", "POSTGRESQL_", "DATABASE_", "ACCESS_", "MSSQL_", "DB_TYPE")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        target = {"DATABASE_URL": self.target.url().get_secret_value()} if self.target else {}
        return clean | target | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}

    def start(
        self, *arguments: str | Path, stdin: int = subprocess.DEVNULL, stdout: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline", *map(str, arguments)],
            cwd=self.directory,
            env=self.environment,
            stdin=stdin,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __call__(self, *arguments: str | Path, code: int = 0, typed: str | None = None, fresh: bool = False) -> str:
        """Run to the end with `typed` on standard input, expect an exit code, and return both streams.

        It is a fork of a process that has imported everything, as `tests.commands` says, unless it shall be `fresh`.
        """
        out, err = self._ended(*arguments, code=code, typed=typed, fresh=fresh)
        assert "Traceback" not in err
        return out + err

    def json(self, *arguments: str | Path, code: int = 0) -> dict[str, Any]:
        """Run with --json, expect an exit code, and return what is on standard output, which nothing else may be."""
        told: dict[str, Any] = json.loads(self._ended(*arguments, "--json", code=code)[0])
        return told

    def _ended(
        self, *arguments: str | Path, code: int, typed: str | None = None, fresh: bool = False
    ) -> tuple[str, str]:
        ended = run(
            "pipeline", *arguments, directory=self.directory, environment=self.environment, typed=typed, fresh=fresh
        )
        assert ended.returncode == code, f"exit code {ended.returncode}\n{ended.stdout}\n{ended.stderr}"
        return ended.stdout, ended.stderr


@pytest.fixture
def naru(tmp_path: Path, database: Target) -> Naru:
    return Naru(tmp_path, database)


@pytest.fixture(scope="session")
def large(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The 196 MB database of 614,000 rows."""
    path = tmp_path_factory.mktemp("bench") / "r200k.accdb"
    with lzma.open(shared / "bench" / "r200k.accdb.xz") as packed, path.open("wb") as plain:
        shutil.copyfileobj(packed, plain, 1 << 20)
    return path
