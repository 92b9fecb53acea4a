"""What the text of a column tells of how it was stored, and of what happened to it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    """A value as it stands, and as the repair would leave it; None: it would be refused, or nothing brings it back."""

    before: str
    after: str | None


@dataclass(frozen=True, slots=True)
class Damage:
    """What happened to the text of some values of a column."""

    kind: str
    """A short stable word: `cp949_as_latin`, `decomposed`, `replaced`."""
    meaning: str
    count: int
    samples: tuple[Sample, ...]


@dataclass(frozen=True, slots=True)
class TextEvidence:
    """What the text of one column tells of how it was stored."""

    table: str
    column: str
    values: int
    """Those that were read and are not NULL."""
    undecodable: int
    """Cells that are no text in their own encoding; a migration refuses or replaces them."""
    korean: int
    """Sound values with Hangul."""
    damages: tuple[Damage, ...]
    doubtful: int
    """Values that `repair` without `only` would change or refuse, though they do not become Korean."""
    doubted: tuple[Sample, ...]
    """What it would make of them."""
    encoding: Mapping[str, str] | None
    """The mapping's `encoding` that repairs it; None where nothing does, or nothing needs it."""

    @property
    def mixed(self) -> bool:
        """Whether sound Korean stands beside text that can be repaired."""
        return self.korean > 0 and self.encoding is not None
