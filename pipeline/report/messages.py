"""The texts of the report page in its languages, from one table: no template and no code holds any other."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

Language = Literal["en", "ko"]


@dataclass(frozen=True, slots=True)
class Messages:
    """Says things in one language; `key` is `section.name` of messages.toml."""

    language: Language
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """The text with its values; raises KeyError for one that is not in the table."""
        return self.texts[key].format(**values)

    def word(self, section: str, name: str) -> str:
        """The text for a word of the ledger; one that the table does not know, of a later release, as it stands."""
        return self.texts.get(f"{section}.{name}", name)

    def duration(self, seconds: float) -> str:
        if seconds < 60:
            return self("time.seconds", seconds=seconds)
        minutes, rest = divmod(round(seconds), 60)
        if minutes < 60:
            return self("time.minutes", minutes=minutes, seconds=rest)
        return self("time.hours", hours=minutes // 60, minutes=minutes % 60)


@cache
def messages(language: Language) -> Messages:
    text = resources.files(__package__).joinpath("messages.toml").read_text("utf-8")
    return Messages(
        language,
        {
            f"{section}.{name}": translations[language]
            for section, table in tomllib.loads(text).items()
            for name, translations in table.items()
        },
    )
