"""Bytes of one encoding that a program took for text of another: how the text comes back, or that it does not."""

from __future__ import annotations

import codecs
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from pipeline.transform.hangul import has_hangul, korean_beyond_chance

_BYTES = {byte: bytes((byte,)).decode("cp1252", "ignore") for byte in range(0x80, 0xA0)}
_WINDOWS_1252 = {ord(shown): byte for byte, shown in _BYTES.items() if shown} | {
    byte: 0x100 for byte, shown in _BYTES.items() if shown
}
"""To the Latin-1 character of the byte that Windows shows so; it shows the five bytes without a character as U+0081 ...
U+009D, and no other of the range, so those become one that no byte stands for."""
_UTF_8_STARTS = "".join(
    bytes((lead, trail)).decode("cp949") for lead in range(0xEA, 0xEE) for trail in range(0xA1, 0xC0)
)
"""The hanja that the first two of a syllable's three bytes of UTF-8 look like in CP949: 媛 of 가."""


@dataclass(frozen=True, slots=True)
class Misread:
    """Bytes of the encoding `meant` that stand in the text as what `read_as` shows them as.

    Without `read_as`, Latin-1 or Windows-1252: many programs say the one and do the other.
    """

    meant: str
    read_as: str | None = None

    @property
    def suspects(self) -> str:
        """Pattern, to Python and Polars alike, of every text that it may have happened to."""
        return r"[\x80-\xFF]" if self.read_as is None else r"[^\x00-\x7F]"

    @property
    def korean_suspects(self) -> str:
        """The same, of texts that were Korean."""
        return f"[{_UTF_8_STARTS}]" if (self._utf_8, self.read_as) == (True, "cp949") else self.suspects

    def undone(self, text: str) -> str | None:
        """What was meant; None unless the bytes decode strictly and encode back to the same."""
        raw = self._raw(text)
        if raw is None:
            return None
        try:
            meant = raw.decode(self.meant)
            return meant if meant.encode(self.meant) == raw else None
        except UnicodeError:
            return None

    def undone_to_korean(self, text: str) -> str | None:
        """What was meant, if that is Korean and the text itself is none that anybody would write."""
        meant = self.undone(text)
        return meant if meant is not None and self.was_korean(text, meant) else None

    def was_korean(self, text: str, meant: str) -> bool:
        """Whether what `undone` gave for a text is what stood there before."""
        if self._utf_8:  # the three bytes of a syllable are never a piece of other text
            return meant != text and has_hangul(meant)
        return meant != text and korean_beyond_chance(text, meant) and not _is_utf_8(self._raw(text) or b"")

    @property
    def _utf_8(self) -> bool:
        return self.meant == "utf-8" or codecs.lookup(self.meant).name == "utf-8"

    def _raw(self, text: str) -> bytes | None:
        """The bytes, if one reading can have shown all of them so."""
        readings = (partial(_in_codec, self.read_as),) if self.read_as else (_in_latin_1, _in_windows_1252)
        for written in readings:
            with suppress(UnicodeError):
                return written(text)
        return None


def _in_codec(codec: str, text: str) -> bytes:
    # Windows shows 0x80, which begins no character of CP949, as U+0080.
    parts = text.split("\x80")
    raw = [part.encode(codec) for part in parts]
    if [one.decode(codec) for one in raw] != parts:
        raise UnicodeError(f"{codec} does not give the text back")
    return b"\x80".join(raw)


def _in_latin_1(text: str) -> bytes:
    return text.encode("latin-1")


def _in_windows_1252(text: str) -> bytes:
    return text.translate(_WINDOWS_1252).encode("latin-1")


def _is_utf_8(raw: bytes) -> bool:
    """Two characters that are UTF-8 by chance are none; one may be, as 청 of CP949 is û."""
    try:
        return sum(c > "\x7f" for c in raw.decode("utf-8")) > 1
    except UnicodeDecodeError:
        return False
