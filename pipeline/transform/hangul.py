"""What Korean text is made of: how it is told from chance, and how its decomposed letters become syllables."""

from __future__ import annotations

import re
import unicodedata

_COMMON = "".join(bytes((lead, trail)).decode("euc_kr") for lead in range(0xB0, 0xC9) for trail in range(0xA1, 0xFF))
"""The 2,350 syllables of KS X 1001; Unicode's other 8,822 hardly occur in Korean words."""
_COMMON_SYLLABLE = re.compile(f"[{_COMMON}]")
_WORD = re.compile(rf"[{_COMMON}]{{2,}}|(?<!\S)[{_COMMON}](?!\S)")
"""Two syllables in a row, or one by itself."""
_SYLLABLE = re.compile(r"[가-힣]")
_HANJA = re.compile(r"[一-鿿\uf900-\ufaff]")
JAMO = "[\u1100-\u11ff]"
"""Conjoining jamo. Those for compatibility (ㄱ, ㅋㅋ) and the half-width ones are text that people write."""
HANGUL = f"[가-힣]|{JAMO}"
_JAMO_RUN = re.compile(f"{JAMO}+")
_LETTER = re.compile(r"[^\W\d_]")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
_SIGNS_AT_WORK = re.compile(r"(?<=[0-9A-Za-z])[°-¿][¡-¿]|[°-¿][¡-¿](?=[0-9A-Za-z])")
"""Two signs beside a digit or letter, as in `25°±2`."""


def has_hangul(text: str) -> bool:
    return _SYLLABLE.search(text) is not None or _JAMO_RUN.search(text) is not None


def composed(text: str) -> str:
    """Decomposed syllables as one character each; NFC of the jamo alone, so every other character stays as it is.

    NFC of the whole would put other hanja in the place of 268 of KS X 1001 (U+F900 to U+FA0B). Jamo that make no
    syllable of Unicode, as those of old Korean, stay.
    """
    return _JAMO_RUN.sub(lambda run: unicodedata.normalize("NFC", run[0]), text)


def korean_beyond_chance(before: str, after: str) -> bool:
    """Whether text that Latin letters decoded to is Korean, and they were no text by themselves.

    An encoding of two bytes to a character takes nearly any two of Latin-1 for one, so strictness proves little: "Ån"
    decodes, and "ÇÃ". What chance makes is one syllable within a foreign word (INFORMAÇÃO) and syllables beyond KS X
    1001. Korean makes words of two syllables and more, and letters that are mostly its own.
    """
    common = len(_COMMON_SYLLABLE.findall(after))
    rare = len(_SYLLABLE.findall(after)) - common
    hanja = len(_HANJA.findall(after))
    if common == 0 or rare > common or hanja > 2 * common:
        return False
    if len(set(_BEYOND_ASCII.findall(before))) == 1:  # a ruled line of an old program: ÄÄÄÄ
        return False
    if _WORD.search(after):
        return True
    return 2 * common >= len(_LETTER.findall(after)) and not _SIGNS_AT_WORK.search(before)
