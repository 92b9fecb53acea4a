"""The codec of a file's text: UTF-16 since Jet 4, the code page of whoever made it in Jet 3."""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.sources.codepage import UTF_16, codec_of

_EAST_ASIAN = {949: "Korean", 932: "Japanese", 936: "Chinese, simplified", 950: "Chinese, traditional"}
_COMMON_LEADS = {949: (0xB0, 0xC8), 936: (0xB0, 0xF7), 932: (0x82, 0x9F), 950: (0xA4, 0xC6)}
"""Lead bytes of everyday characters: Hangul, Hanzi of both levels, Kana and Kanji, frequent Hanzi."""


class Names:
    """Decodes names of tables, columns and indexes, and remembers what it saw of those beyond ASCII."""

    def __init__(self, codec: str) -> None:
        self.codec = codec
        self.undecodable: list[str] = []
        self.beyond_ascii: list[bytes] = []

    def decode(self, raw: bytes) -> str:
        """The name; bytes that the codec does not know, and U+0000, show as `\\xNN`: no two names become one."""
        if self.codec != UTF_16 and not raw.isascii():
            self.beyond_ascii.append(raw)
        try:
            name = raw.decode(self.codec)
        except UnicodeDecodeError:
            name = raw.decode(self.codec, "backslashreplace")
        else:
            if "\0" not in name:
                return name
        name = name.replace("\0", "\\x00")
        self.undecodable.append(name)
        return name


def looks_like(samples: Iterable[bytes]) -> str | None:
    """The East Asian code page that texts read as single bytes probably are in, as `949 (Korean)`.

    True for a page that decodes all samples together, with at least four pairs, most of them everyday
    characters, and with second bytes beyond ASCII, as accents rarely stand side by side.
    """
    text = b" ".join(samples)
    for page, language in _EAST_ASIAN.items():
        pairs = _pairs(text, codec_of(page))
        low, high = _COMMON_LEADS[page]
        common = sum(low <= pair[0] <= high for pair in pairs)
        beyond_ascii = sum(pair[1] >= 0x80 for pair in pairs)
        if len(pairs) >= 4 and common >= 0.9 * len(pairs) and beyond_ascii >= 0.4 * len(pairs):
            return f"{page} ({language})"
    return None


def _pairs(text: bytes, codec: str) -> list[bytes]:
    """The two-byte characters of a text, or nothing when it is not of the codec."""
    try:
        characters = text.decode(codec)
    except UnicodeDecodeError:
        return []
    return [pair for pair in (character.encode(codec) for character in characters) if len(pair) == 2]
