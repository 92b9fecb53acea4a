"""How Access compares text, and as much of it as PostgreSQL can do exactly.

Access folds case, as a rule by tables of Windows that PostgreSQL does not have. Against a literal of ASCII, or of
scripts without case such as Hangul, folding A to Z is the whole of it: `lower(x collate "C")` does just that,
whatever locale the server has. Full-width letters, ligatures and kana also equal their plain forms in Access and not
here: a literal of such is refused, and a stored value of such goes to the quarantine, where it is seen.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

from pipeline.dialects.expressions.tree import Untranslatable

_LONGEST_PATTERN = 255
_WILDCARDS = {"*": ".*", "?": ".", "#": "[0-9]"}
# LIKE has no sets and no digits, and ILIKE folds by the server's locale; `~*` under collate "C" folds A to Z.
_OF_THE_MODE = frozenset("%_")  # wildcards, or themselves, as the query mode of the database or of its reader has it
_SPECIAL = frozenset(r"\^$.[]|()*+?{}-")


def folded(literal: str) -> str:
    """The literal in lower case; raises Untranslatable where Access would fold more than A to Z."""
    for character in literal:
        if not plain(character):
            raise Untranslatable(f"how Access compares {character!r} depends on Windows")
    return literal.lower()


def regular_expression(pattern: str) -> str:
    """A pattern of `Like` for PostgreSQL's `~*`, matching the whole text; raises Untranslatable."""
    folded(pattern)
    if len(pattern) > _LONGEST_PATTERN:
        raise Untranslatable(f"its pattern is longer than {_LONGEST_PATTERN} characters")
    parts = list(_parts(pattern))
    kept = [part for i, part in enumerate(parts) if part != ".*" or parts[i - 1 : i] != [".*"]]
    return f"^{''.join(kept)}$"


def plain(character: str) -> bool:
    """Whether folding A to Z is all that Windows may do with it."""
    if character.isascii():
        return character.isprintable()
    # Lo: letters without case. Kana have two shapes of each letter, and Access takes them for one.
    lettered = unicodedata.category(character) == "Lo" and unicodedata.is_normalized("NFKC", character)
    return lettered and not unicodedata.name(character, "").startswith(("HIRAGANA", "KATAKANA"))


def _parts(pattern: str) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == "[":
            end = pattern.find("]", at)
            if end < 0:
                raise Untranslatable("a [ of its pattern is not closed")
            yield _set(pattern[at:end])
            at = end + 1
        elif character in _OF_THE_MODE:
            raise Untranslatable(f"whether {character} is a wildcard depends on the query mode of the database")
        else:
            yield _WILDCARDS.get(character) or _escaped(character)


def _set(content: str) -> str:
    negated = content.startswith("!") and len(content) > 1
    members = content.removeprefix("!") if negated else content
    digits = members.count("0-9")
    rest = members.replace("0-9", "")
    if not members or "-" in rest.strip("-"):
        # Between a and z stand é and ñ in Windows' order, and not in PostgreSQL's.
        raise Untranslatable(f"the letters of [{content}] depend on the file's sort order")
    return f"[{'^' * negated}{'0-9' * (digits > 0)}{''.join(map(_escaped, rest))}]"


def _escaped(character: str) -> str:
    return f"\\{character}" if character in _SPECIAL else character
