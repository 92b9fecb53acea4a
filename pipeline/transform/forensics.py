"""What happened to the text of a column before it came to us, measured value by value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

import polars as pl

from pipeline.evidence import Damage, Sample, TextEvidence
from pipeline.transform.hangul import HANGUL, JAMO, composed, has_hangul
from pipeline.transform.misread import Misread
from pipeline.transform.text import REPLACEMENT

_SAMPLES = 3
_SHOWN_CHARACTERS = 60
_SURE = 9
"""So many values of a kind for one that only comes back too, and all values of the column are of that kind."""


class Kind(StrEnum):
    """Each value of a column may show several."""

    UTF_8_AS_LATIN = "utf8_as_latin"
    CP949_AS_LATIN = "cp949_as_latin"
    UTF_8_AS_CP949 = "utf8_as_cp949"
    DECOMPOSED = "decomposed"
    REPLACED = "replaced"
    QUESTION_MARKS = "question_marks"


_MISREAD = {
    # UTF-8 first: that it decodes strictly proves more than that an encoding of two bytes does.
    Kind.UTF_8_AS_LATIN: Misread("utf-8"),
    Kind.CP949_AS_LATIN: Misread("cp949"),
    Kind.UTF_8_AS_CP949: Misread("utf-8", "cp949"),
}
_MEANING = {
    Kind.UTF_8_AS_LATIN: "UTF-8 that was read as Latin-1 or Windows-1252",
    Kind.CP949_AS_LATIN: "CP949 that was read as Latin-1 or Windows-1252",
    Kind.UTF_8_AS_CP949: "UTF-8 that was read as CP949",
    Kind.DECOMPOSED: "Korean in decomposed letters (NFD)",
    Kind.REPLACED: "text with U+FFFD where a character was lost; nothing here brings it back",
    Kind.QUESTION_MARKS: "question marks in the place of words, as a program writes them for what its encoding lacks; "
    "nothing here brings it back",
}
_QUESTION_MARKS = r"(?:^|[\s(\[{/])\?{2,}"
"""Two or more where a word begins: `really??` is a question."""
_ASKED = re.compile(_QUESTION_MARKS)
_LATIN = Misread("utf-8").suspects
_MARKS = {kind: re.compile(misread.korean_suspects) for kind, misread in _MISREAD.items()}
_SUSPECTS = "|".join([*(misread.korean_suspects for misread in _MISREAD.values()), JAMO, REPLACEMENT, _QUESTION_MARKS])
"""Text that this does not find in is sound, and settled by that one look."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What happened to one text: each kind with what it was before, the first to be undone first."""

    found: dict[Kind, str | None]
    undone: dict[Kind, str | None]
    """What the repair of Latin letters would make of it otherwise; None: a reject."""


def diagnose(text: str) -> Diagnosis:
    """Look for every kind; what a misread text was before is looked at again."""
    found: dict[Kind, str | None] = {}
    undone: dict[Kind, str | None] = {}
    for kind, misread in _MISREAD.items():
        if not _MARKS[kind].search(text):
            continue
        meant = misread.undone(text)
        if meant is not None and misread.was_korean(text, meant):
            found[kind] = text = meant
            break
        undone[kind] = meant
    if (whole := composed(text)) != text:
        found[Kind.DECOMPOSED] = whole
    if REPLACEMENT in text:
        found[Kind.REPLACED] = None
    if "??" in text and _ASKED.search(text):
        found[Kind.QUESTION_MARKS] = None
    return Diagnosis(found, undone)


@dataclass(slots=True)
class _Seen:
    """Of one kind: the values that show it, and those that its repair would bring back without being Korean."""

    count: int = 0
    returning: int = 0
    samples: dict[str, str | None] = field(default_factory=dict)
    doubted: dict[str, str | None] = field(default_factory=dict)


@dataclass(slots=True)
class Examination:
    """Collects what the batches of one column show, in memory that does not grow with them."""

    table: str
    column: str
    undecodable: int = 0
    _values: int = 0
    _korean: int = 0
    _latin: int = 0
    _beyond_ascii: int = 0
    _seen: dict[Kind, _Seen] = field(default_factory=lambda: {kind: _Seen() for kind in Kind})

    def add(self, values: pl.Series) -> None:
        """Look at a batch of the column: String, with NULL."""
        present = values.drop_nulls()
        suspicious = present.str.contains(_SUSPECTS)
        self._values += len(present)
        self._latin += int(present.str.contains(_LATIN).sum())
        self._beyond_ascii += int(present.str.contains(r"[^\x00-\x7F]").sum())
        self._korean += int((present.str.contains(HANGUL) & ~suspicious).sum())
        texts = present.filter(suspicious).alias("text").to_frame()
        for text, count in texts.group_by("text", maintain_order=True).len().iter_rows():
            self._judge(text, count)

    def _judge(self, text: str, count: int) -> None:
        diagnosis = diagnose(text)
        for kind, after in diagnosis.found.items():
            self._seen[kind].count += count
            _keep(self._seen[kind].samples, text, after)
        for kind, after in diagnosis.undone.items():
            self._seen[kind].returning += count if after is not None else 0
            _keep(self._seen[kind].doubted, text, after)
        if not diagnosis.found and has_hangul(text):
            self._korean += count

    def evidence(self) -> TextEvidence:
        """What all batches come to; where two things were misread, the more frequent one is repaired."""
        misread = max(_MISREAD, key=lambda kind: self._seen[kind].count)
        doubtful = self._doubtful(misread)
        doubted = self._seen[misread].doubted if doubtful else {}
        shown = sorted((kind for kind in Kind if self._seen[kind].count), key=lambda kind: -self._seen[kind].count)
        return TextEvidence(
            self.table,
            self.column,
            self._values,
            self.undecodable,
            self._korean,
            tuple(
                Damage(kind, _MEANING[kind], self._seen[kind].count, _samples(self._seen[kind].samples))
                for kind in shown
            ),
            doubtful,
            _samples(doubted),
            self._encoding(misread, doubtful),
        )

    def _doubtful(self, kind: Kind) -> int:
        """Values that the plain repair of a kind would change or refuse, and that do not show it."""
        seen = self._seen[kind]
        return (self._beyond_ascii if _MISREAD[kind].read_as else self._latin) - seen.count if seen.count else 0

    def _encoding(self, kind: Kind, doubtful: int) -> dict[str, str] | None:
        """Options of the mapping: `only` where the column holds text that its repair would spoil or refuse."""
        seen, misread = self._seen[kind], _MISREAD[kind]
        options = {}
        if seen.count:
            options["repair"] = misread.meant
            if misread.read_as:
                options["read_as"] = misread.read_as
            # A column whose every value comes back was written by one program, hanja and rare words included.
            sure = misread.meant == "utf-8" or seen.count >= _SURE * doubtful
            if seen.returning < doubtful or not sure:
                options["only"] = "korean"
        if self._seen[Kind.DECOMPOSED].count:
            options["compose"] = "hangul"
        return options or None


def _keep(samples: dict[str, str | None], before: str, after: str | None) -> None:
    """The first few, cut at a length: a text may be a whole memo."""
    if len(samples) < _SAMPLES:
        samples.setdefault(_capped(before), None if after is None else _capped(after))


def _samples(kept: dict[str, str | None]) -> tuple[Sample, ...]:
    return tuple(Sample(before, after) for before, after in kept.items())


def _capped(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARACTERS else f"{text[:_SHOWN_CHARACTERS]}… ({len(text)} characters)"
