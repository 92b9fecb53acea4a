"""Steps on text that a mapping asks for, and the one that PostgreSQL asks for: no U+0000."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pipeline.transform.hangul import JAMO, composed
from pipeline.transform.misread import Misread
from pipeline.transform.step import Stepped, differs, somewhere

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_COPIED_BYTES = 4 << 20
"""Of text that is copied to look through it: one value alone may have hundreds of megabytes."""


@dataclass(frozen=True, slots=True)
class Repair:
    """Text that an old program stored as what another encoding shows its bytes as: "ÇÑ±Û" becomes "한글".

    A value is repaired when its characters are bytes that decode strictly and encode back to the same bytes; text
    without suspects (Latin-1 letters) passes unchanged; anything in between is refused. With `only_korean`, it passes
    too: a value is then repaired when Korean comes back, and not if it could be text as it stands.
    """

    misread: Misread
    only_korean: bool = False
    name: str = "repair_encoding"

    def __call__(self, values: pl.Series) -> Stepped:
        pattern = self.misread.korean_suspects if self.only_korean else self.misread.suspects
        suspects = values.str.contains(pattern).fill_null(value=False)
        if not suspects.any():
            return Stepped(values)
        repaired = {text: self._repair(text) for text in values.filter(suspects).unique().to_list()}
        fixed = values.replace_strict(
            list(repaired), [text if new is None else new for text, new in repaired.items()], default=values
        )
        stuck = [text for text, new in repaired.items() if new is None]
        return Stepped(fixed, refused=somewhere(values.is_in(stuck)), lost=differs(values, fixed))

    def _repair(self, text: str) -> str | None:
        """The text it was meant to be, the text itself if it needs no repair, None if neither is certain."""
        if self.only_korean:
            meant = self.misread.undone_to_korean(text)
            return text if meant is None else meant
        return self.misread.undone(text)


@dataclass(frozen=True, slots=True)
class Compose:
    """Decomposed Korean, as macOS names files, as syllables; all other text stays as it is."""

    name: str = "compose"

    def __call__(self, values: pl.Series) -> Stepped:
        apart = values.str.contains(JAMO).fill_null(value=False)
        if not apart.any():
            return Stepped(values)
        texts = values.filter(apart).unique().to_list()
        whole = values.replace_strict(texts, [composed(text) for text in texts], default=values)
        return Stepped(whole, lost=differs(values, whole))


@dataclass(frozen=True, slots=True)
class Trim:
    """Blanks (U+0020 only, as databases pad with) off one or both ends."""

    side: str
    name: str = "trim"

    def __call__(self, values: pl.Series) -> Stepped:
        match self.side:
            case "left":
                trimmed = values.str.strip_chars_start(" ")
            case "right":
                trimmed = values.str.strip_chars_end(" ")
            case _:
                trimmed = values.str.strip_chars(" ")
        return Stepped(trimmed, lost=differs(values, trimmed))


@dataclass(frozen=True, slots=True)
class EmptyToNull:
    name: str = "empty_to_null"

    def __call__(self, values: pl.Series) -> Stepped:
        empty = somewhere(values == "")
        if empty is None:
            return Stepped(values)
        return Stepped(values.set(empty, None), lost=empty)


@dataclass(frozen=True, slots=True)
class MapValues:
    """The mapping's table of values, `before` to `after`; what it does not name is refused.

    With the table at hand a value can be told from what arrived, unless several become one, or NULL: these are losses.
    """

    before: pl.Series
    after: pl.Series
    name: str = "values"

    def __call__(self, values: pl.Series) -> Stepped:
        unknown = somewhere(values.is_not_null() & ~values.is_in(self.before.implode()))
        dtype = self.after.dtype
        mapped = values.replace_strict(self.before, self.after, default=None, return_dtype=dtype)
        merged = values.is_in(self.before.filter(self.after.is_duplicated() | self.after.is_null()).implode())
        if dtype == values.dtype:
            merged &= values.ne_missing(mapped)
        return Stepped(mapped, unknown, somewhere(merged))


@dataclass(frozen=True, slots=True)
class Default:
    """A value for NULL; `value` is a column of one row."""

    value: pl.Series
    name: str = "default"

    def __call__(self, values: pl.Series) -> Stepped:
        missing = somewhere(values.is_null())
        if missing is None:
            return Stepped(values)
        return Stepped(values.zip_with(~missing, self.value.new_from_index(0, len(values))), lost=missing)


@dataclass(frozen=True, slots=True)
class NoNul:
    """PostgreSQL's text holds no U+0000: refused, or replaced where the mapping says so."""

    replace: bool
    name: str = "u0000"

    def __call__(self, values: pl.Series) -> Stepped:
        found = somewhere(values.str.contains("\0", literal=True)) if _may_hold_nul(values) else None
        if found is None:
            return Stepped(values)
        if not self.replace:
            return Stepped(values, refused=found)
        return Stepped(values.str.replace_all("\0", REPLACEMENT, literal=True), lost=found)


def _may_hold_nul(texts: pl.Series) -> bool:
    """Whether one of their bytes is 0: looked for in all at once, a fifth of the time of asking each (measured)."""
    if texts.estimated_size() > _COPIED_BYTES:
        return True
    _, _, content = texts.to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    return len(content) > 0 and int(np.frombuffer(content, np.uint8).min()) == 0
