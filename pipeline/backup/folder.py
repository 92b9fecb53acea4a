"""The backups of a directory, in the order in which they were written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pipeline.backup.files import refusals
from pipeline.backup.manifest import Manifest, Verified, read_manifest, read_verified
from pipeline.backup.names import Names, archives_without_manifest
from pipeline.errors import BackupError


@dataclass(frozen=True, slots=True)
class Backup:
    """One whose manifest can be read, and what is known to be wrong with it without reading it whole."""

    folder: Path
    manifest: Manifest
    verified: Verified | None
    problems: tuple[str, ...]

    @property
    def names(self) -> Names:
        return Names(self.manifest.name)

    @property
    def archive(self) -> Path:
        return self.folder / self.names.archive

    @property
    def roles(self) -> Path | None:
        return None if self.manifest.roles_error is not None else self.folder / self.names.roles

    @property
    def good(self) -> bool:
        """Read back whole when it was written, and nothing since speaks against it."""
        return not self.problems

    @property
    def read_at(self) -> datetime:
        """When it was last read whole and found to be what it was."""
        look = self.verified.read if self.verified else None
        return look.at if look and not look.problems else self.manifest.read_back_at

    @property
    def restored_at(self) -> datetime | None:
        """When it was last restored and found equal."""
        look = self.verified.restored if self.verified else None
        return look.at if look and not look.problems else None

    @property
    def database(self) -> tuple[str, str]:
        """Backups with the same are of one database."""
        return self.manifest.cluster, self.manifest.database


@dataclass(frozen=True, slots=True)
class Broken:
    """A manifest that cannot be read, or an archive that has none."""

    path: Path
    problem: str


def all_backups(folder: Path) -> tuple[list[Backup], list[Broken]]:
    """Oldest first; raises BackupError for a directory that cannot be read."""
    found: list[Backup] = []
    with refusals(f"{folder} cannot be read"):
        without = archives_without_manifest(folder)
        manifests = sorted(path for path in folder.glob("*.json") if not path.name.endswith(".verified.json"))
    broken = [Broken(path, f"{path} has no manifest: it is no backup") for path in without]
    for path in manifests:
        try:
            found.append(open_backup(path))
        except BackupError as error:
            broken.append(Broken(path, error.message))
    return sorted(found, key=lambda it: (it.manifest.sequence, it.manifest.name)), broken


def open_backup(path: Path) -> Backup:
    """Of its manifest, or of any file that has its name; raises BackupError."""
    folder, names = path.parent, Names(_stem(path.name))
    if not (folder / names.manifest).exists():
        raise BackupError(
            f"{path} is no backup: there is no {names.manifest} beside it",
            hint="the backups are listed by: python -m pipeline backup list",
        )
    manifest = read_manifest(folder / names.manifest)
    verified, problems = None, _missing(folder, manifest)
    try:
        verified = read_verified(folder / names.verified)
        problems += verified.problems if verified else ()
    except BackupError as error:
        problems += (error.message,)
    return Backup(folder, manifest, verified, tuple(dict.fromkeys(problems)))


def _stem(name: str) -> str:
    for suffix in (".verified.json", ".roles.sql", ".json", ".dump"):
        if name.endswith(suffix):
            return name.removesuffix(suffix)
    return name


def _missing(folder: Path, manifest: Manifest) -> tuple[str, ...]:
    """Files that are not there, or not as long as they were."""
    sizes = ((file, _size(folder / file.path)) for file in manifest.files)
    return tuple(
        f"{file.path} is missing" if size is None else f"{file.path} has {size:,} bytes and had {file.bytes:,}"
        for file, size in sizes
        if size != file.bytes
    )


def _size(path: Path) -> int | None:
    return path.stat().st_size if path.is_file() and not path.is_symlink() else None
