"""YAML scalars, both ways: what a plain word means, and how a text is written so that it stays text.

Narrower than YAML on purpose: `No`, `on`, `1e3`, `0x10`, `007`, `1_000` and dates are texts as written; only
true, false, null and plain decimal numbers are anything else.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal

_WORDS: dict[str, bool | None] = {"true": True, "false": False, "null": None, "~": None, "": None}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,37})")
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]{0,37})\.[0-9]{1,38}")
# A word that no YAML reader, 1.1 or 1.2, takes for anything but this text; spaces only within.
_PLAIN = re.compile(r"[^\W\d]\w*(?:[ ./()][\w()]+)*")
_LOADED = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"])


def resolve(plain: str) -> bool | int | Decimal | str | None:
    """The value of an unquoted scalar."""
    if plain in _WORDS:
        return _WORDS[plain]
    if _INTEGER.fullmatch(plain):
        return int(plain)
    return Decimal(plain) if _DECIMAL.fullmatch(plain) else plain


def quoted(text: str) -> str:
    """YAML of a text: bare where that is safe in block and flow style, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.isprintable() and text.lower() not in _LOADED:
        return text
    return _double(text)


def written(value: bool | int | Decimal | str | None) -> str:
    """YAML of a value, such that `resolve` or the quotes give the same value back."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case _:
            return quoted(value)


def _double(text: str) -> str:
    """JSON's escapes are YAML's; what a YAML reader refuses unescaped is escaped as well."""
    return "".join(c if c.isprintable() else _escape(c) for c in json.dumps(text, ensure_ascii=False))


def _escape(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
