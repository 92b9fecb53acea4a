"""Texts of others on a page: short enough to be looked at, and unable to change how the rest of it reads."""

from __future__ import annotations

import re
import unicodedata

# Controls, what turns the direction of text around, what has no width, line separators and lone surrogates:
# none of them can be seen, and each can make a name look like another.
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e0fff]"
)


def visible(text: str, most: int = 300) -> str:
    """At most that many characters of a text, with what cannot be seen as `⟨U+202E⟩`."""
    cut = text if len(text) <= most else text[: most - 1] + "…"
    return _UNSEEN.sub(lambda found: f"⟨U+{ord(found[0]):04X}⟩", cut)


def fitted(text: str, columns: int) -> str:
    """As much of a text as stands in so many columns of a drawing, where a hangul or a han takes two."""
    shown, width = "", 0
    for character in visible(text, columns + 1):
        width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if width > columns:
            return shown[:-1] + "…"
        shown += character
    return shown
