"""The manifest beside each backup, `<name>.json`: it is written last, and without it there is no backup.

What a later verification says of the backup is a record of its own, `<name>.verified.json`.
"""

from __future__ import annotations

import json
import re
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, Field, StringConstraints, model_validator

from pipeline.backup.names import Names
from pipeline.errors import BackupError
from pipeline.json_file import Count, Digest, JsonFile, Many, Part, RowHash
from pipeline.postgres.sequences import Stand

_HINT = "take it from a copy of the backup"
_MOST_BYTES = 64 << 20
"""Twice the manifest of a database with 100,000 tables, each of which has a sequence."""
_MANIFEST = JsonFile("manifest of a backup", _MOST_BYTES, BackupError, _HINT)
_VERIFIED = JsonFile("record of how a backup was verified", _MOST_BYTES, BackupError, _HINT)

Version = Annotated[str, StringConstraints(pattern="^[0-9]{1,4}([^0-9]|$)")]
"""As a server or a program tells its own: the major one first."""
Moment = Annotated[AwareDatetime, Field(strict=False)]
Seen = Annotated[Stand, Field(strict=False)]
"""Of a list, which is what JSON has."""


class Format(StrEnum):
    """Of pg_dump's archives, those that are compressed and can be restored in parts."""

    CUSTOM = "custom"
    """One file."""
    DIRECTORY = "directory"
    """A file for each table, so that several can be written at once."""


class File(Part):
    path: str
    """From the directory of the backups, with `/`."""
    bytes: Count
    sha256: Digest


class TableContent(Part):
    schema_name: str = Field(alias="schema")
    name: str
    rows: Count
    hash: RowHash
    """Of all rows, whatever their order."""

    @property
    def key(self) -> tuple[str, str]:
        return self.schema_name, self.name

    @property
    def full_name(self) -> str:
        """For people: a name may have dots of its own."""
        return f"{self.schema_name}.{self.name}"


class SequenceContent(Part):
    """A sequence, which belongs to no moment: pg_dump saw it at some time between two looks of ours."""

    schema_name: str = Field(alias="schema")
    name: str
    increment: int
    before: Seen
    after: Seen

    @property
    def key(self) -> tuple[str, str]:
        return self.schema_name, self.name

    @property
    def full_name(self) -> str:
        """For people: a name may have dots of its own."""
        return f"{self.schema_name}.{self.name}"

    @property
    def was_set_back(self) -> bool:
        """By setval or at its end, so that it may have stood anywhere meanwhile."""
        return self._order(self.before) > self._order(self.after)

    def may_stand_at(self, found: Stand) -> bool:
        return self.was_set_back or self._order(self.before) <= self._order(found) <= self._order(self.after)

    def _order(self, stand: Stand) -> Stand:
        value, called = stand
        return (value if self.increment > 0 else -value), called


class LargeObjects(Part):
    """All of a database: their numbers and what they hold, whosoever they are."""

    count: Count
    hash: RowHash


class Manifest(Part):
    format: Literal[1, 2]
    """1 says nothing of sequences and large objects, though the backup has them."""
    name: str
    sequence: Annotated[Count, Field(ge=1)]
    """Grows with each backup of a directory, whatever the clock says."""
    created_at: Moment
    day: Annotated[date, Field(strict=False)]
    """That it counts for when old ones are removed: never before the day of one that was written earlier."""
    tool: str
    """The version of Naru."""
    pg_dump: Version
    """Its version."""
    server: Version
    """The server's version."""
    target: str
    """Its URL without password and parameters."""
    cluster: str
    """The server's own number of itself."""
    database: str
    database_bytes: Count
    extensions: Many[str]
    archive: Annotated[Format, Field(strict=False)]
    files: Many[File]
    roles_error: str | None
    """Why the roles are not in the backup; None where they are."""
    tables: Many[TableContent]
    sequences: Many[SequenceContent] = ()
    large_objects: LargeObjects | None = None
    read_back_at: Moment
    """When the archive had been read whole, and the hashes of its files taken."""

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def tells_all(self) -> bool:
        """Whether sequences and large objects can be compared too."""
        return self.format > 1

    @property
    def pg_dump_major(self) -> int:
        return int(re.split(r"\D", self.pg_dump, maxsplit=1)[0])

    @property
    def server_major(self) -> int:
        return int(re.split(r"\D", self.server, maxsplit=1)[0])

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.format > 1 and ("sequences" not in self.model_fields_set or self.large_objects is None):
            raise ValueError("sequences or large_objects: missing")
        return self

    @model_validator(mode="after")
    def _names_its_own(self) -> Self:
        """What a manifest names is read and deleted: it names nothing but its own files."""
        names = Names(self.name)
        strangers = [file.path for file in self.files if not names.owns(file.path)]
        if strangers or not any(file.path.startswith(names.archive) for file in self.files):
            raise ValueError(f"files: {', '.join(strangers)[:200] or 'no archive'}")
        return self


class Look(Part):
    """What one verification of a backup found."""

    at: Moment
    problems: Many[str]
    where: str
    """What it was read with, or restored into."""


class Verified(Part):
    """The last look of each kind at one backup."""

    format: Literal[1]
    name: str
    read: Look | None = None
    restored: Look | None = None

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(problem for look in (self.read, self.restored) if look for problem in look.problems)


def as_text(part: Part) -> str:
    values = part.model_dump(mode="json", by_alias=True)
    return json.dumps(values, ensure_ascii=False, indent=1) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Raises BackupError for what is none, or is another's."""
    manifest = _MANIFEST.read(Manifest, path)[0]
    if manifest.name != path.name.removesuffix(".json"):
        raise BackupError(f"{path} is the manifest of {manifest.name}", hint="give the file its own name again")
    return manifest


def read_verified(path: Path) -> Verified | None:
    """None where there is none yet; raises BackupError."""
    return _VERIFIED.read(Verified, path)[0] if path.exists() else None
