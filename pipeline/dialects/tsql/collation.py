"""How SQL Server compares text, and as much of it as PostgreSQL can do exactly.

A collation decides: the column's own or the database's, and PostgreSQL does not have those of Windows. What both can
do is compare with a literal of ASCII, or of scripts without case such as Hangul: `lower(x collate "C")` folds A to Z,
and nothing else, on any server; where the collation tells cases apart, or is binary, nothing is folded. SQL Server
fills the shorter text with blanks before it compares, so those at the end never count: `rtrim` takes them off.
Full-width letters, ligatures and marks that a collation ignores also equal their plain forms there and not here: a
literal of such is refused, and a row whose value has them goes to the quarantine, where it is seen. Which of two texts
comes first stays with SQL Server.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from pipeline.dialects.expressions.terms import quoted
from pipeline.dialects.expressions.text import plain
from pipeline.dialects.expressions.tree import Untranslatable

_LONGEST_PATTERN = 255
_SPECIAL = frozenset(r"\^$.[]|()*+?{}-")
_MANY = ".*"
_CASED = re.compile(r"_(CS|BIN2?)(_|$)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Collation:
    name: str
    """Folded, as its case does not count."""
    folds: bool
    """Whether it takes `a` and `A` for one."""

    @classmethod
    def named(cls, name: str) -> Self:
        """By the words of its name: `Korean_Wansung_CI_AS`."""
        return cls(name.casefold(), folds=not _CASED.search(name))

    def comparable(self, sql: str) -> str:
        """A text in the form whose equality is SQL Server's."""
        return f'rtrim(lower({sql} collate "C"))' if self.folds else f"rtrim({sql})"

    def literal(self, value: str) -> str:
        """A literal in the same form; raises Untranslatable where Windows would do more than fold A to Z."""
        _hold_plain(value)
        return quoted((value.lower() if self.folds else value).rstrip(" "))

    def like(self, sql: str, pattern: str, escape: str | None) -> str:
        """A pattern of LIKE for the whole text.

        Blanks at the end of the text count for nvarchar and not for varchar, which look alike here: they are let pass.
        """
        _hold_plain(pattern)
        if len(pattern) > _LONGEST_PATTERN:
            raise Untranslatable(f"its pattern is longer than {_LONGEST_PATTERN} characters")
        parts = list(_parts(pattern, escape))
        kept = [part for i, part in enumerate(parts) if part != _MANY or parts[i - 1 : i] != [_MANY]]
        rest = "" if kept[-1:] == [_MANY] else " *"
        regular = quoted(f"^{''.join(kept)}{rest}$")
        return f'({sql} collate "C" {"~*" if self.folds else "~"} {regular})'


def _hold_plain(value: str) -> None:
    for character in value:
        if not plain(character):
            raise Untranslatable(f"how SQL Server compares {character!r} depends on its collation")


def _parts(pattern: str, escape: str | None) -> Iterator[str]:
    at = 0
    while at < len(pattern):
        character = pattern[at]
        at += 1
        if character == escape:
            if at == len(pattern):
                raise Untranslatable("nothing stands behind the escape of its pattern")
            yield _escaped(pattern[at])
            at += 1
        elif character == "[":
            end = pattern.find("]", at)
            if end < 0 or (escape is not None and escape in pattern[at:end]):
                raise Untranslatable("a [ of its pattern is not closed, or holds an escape")
            yield _set(pattern[at:end])
            at = end + 1
        else:
            yield {"%": _MANY, "_": "."}.get(character) or _escaped(character)


def _set(content: str) -> str:
    members = content.removeprefix("^")
    digits = members.count("0-9")
    rest = members.replace("0-9", "")
    if not members or "-" in rest.strip("-"):
        # Between a and z stand é and ñ in the order of a collation, and not in PostgreSQL's.
        raise Untranslatable(f"the letters of [{content}] depend on the collation")
    return f"[{'^' * (members != content)}{'0-9' * (digits > 0)}{''.join(map(_escaped, rest))}]"


def _escaped(character: str) -> str:
    return f"\\{character}" if character in _SPECIAL else character
