"""The files of a backup, by their names: `<db>_YYYYMMDD_HHMMSS` and what each of them ends in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

PARTIAL = ".partial"
"""Ends the name of what is not written whole yet."""
_MOMENT = r"_\d{8}_\d{6}(?:_\d+)?"
_STEM = rf"[^/\\]+{_MOMENT}"
_LEFT_BEHIND = re.compile(rf"{_STEM}\.(?:dump|roles\.sql|json|verified\.json){re.escape(PARTIAL)}")
_ODD = re.compile(r"[^\w.-]")
_MOST_BYTES = 120


@dataclass(frozen=True, slots=True)
class Names:
    """Those of one backup, from the directory of the backups."""

    stem: str

    @property
    def archive(self) -> str:
        return f"{self.stem}.dump"

    @property
    def roles(self) -> str:
        return f"{self.stem}.roles.sql"

    @property
    def manifest(self) -> str:
        return f"{self.stem}.json"

    @property
    def verified(self) -> str:
        return f"{self.stem}.verified.json"

    def owns(self, path: str) -> bool:
        """Whether a file is one of the archive's or of the roles', in no other directory."""
        if not re.fullmatch(_STEM, self.stem):
            return False
        inside = path.removeprefix(f"{self.archive}/")
        return path in (self.archive, self.roles) or (inside != path and re.fullmatch(r"\w[\w.-]*", inside) is not None)


def new_names(folder: Path, database: str, now: datetime) -> Names:
    """Such that no file of the directory has one of them, whatever the clock says."""
    first = f"{_plain(database)}_{now:%Y%m%d_%H%M%S}"
    there = {path.name for path in folder.iterdir()}
    number, stem = 1, first
    while any(name == stem or name.startswith(f"{stem}.") for name in there):
        number += 1
        stem = f"{first}_{number}"
    return Names(stem)


def is_named_for(file: str, database: str) -> bool:
    """Whether a backup of the database has files of that name; so may one of another, as of `a b` beside `a_b`."""
    return re.fullmatch(rf"{re.escape(_plain(database))}{_MOMENT}\..+", file) is not None


def archives_without_manifest(folder: Path) -> list[Path]:
    """Left where the power went away between the two."""
    there = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    stems = {name.removesuffix(".dump") for name in there if re.fullmatch(rf"{_STEM}\.dump", name)}
    return [folder / Names(stem).archive for stem in sorted(stems) if Names(stem).manifest not in there]


def left_behind(folder: Path) -> list[Path]:
    """What a backup that was killed had begun to write."""
    return sorted(path for path in folder.iterdir() if _LEFT_BEHIND.fullmatch(path.name))


def _plain(database: str) -> str:
    return _ODD.sub("_", database).encode()[:_MOST_BYTES].decode(errors="ignore")
