"""How source names become PostgreSQL names, and what PostgreSQL accepts as one.

PostgreSQL cuts identifiers at 63 bytes with no more than a notice, so two long names can become
one: an explicit name that is too long is refused here, a drafted one is shortened with a hash.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Callable
from typing import Literal

Naming = Literal["snake", "lower", "keep"]
NAME_BYTES = 63
_HASH_CHARACTERS = 8
# Every table has these already; CREATE TABLE refuses them as columns.
_SYSTEM_COLUMNS = frozenset({"_naru_row", "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


def fold(name: str, naming: Naming) -> str:
    """A source name in the target's style; the same name always folds to the same result."""
    return _FOLDS[naming](name)


def snake(name: str) -> str:
    """`ItemCode` -> `item_code`, `P/N No.` -> `p_n_no`, `HTTPServer` -> `http_server`, `품목` as it is."""
    words = "".join(f"_{c}" if _starts_word(name, i) else c for i, c in enumerate(name)).lower()
    folded = "_".join("".join(c if _is_word(c) else " " for c in words).split())
    return f"_{folded}" if not folded or folded[0].isdigit() else folded


def storable(text: str) -> str:
    """The text itself if PostgreSQL can hold it; raises ValueError."""
    if "\0" in text or any("\ud800" <= c <= "\udfff" for c in text):
        raise ValueError("PostgreSQL holds neither U+0000 nor lone surrogates")
    return text


def valid_name(name: str) -> str:
    """The name itself if PostgreSQL keeps it whole; raises ValueError."""
    if not storable(name).strip():
        raise ValueError("a name must hold a visible character")
    if len(name.encode()) > NAME_BYTES:
        raise ValueError(f"{name!r} is {len(name.encode())} bytes of UTF-8, and PostgreSQL keeps {NAME_BYTES}")
    return name


def valid_column(name: str) -> str:
    """As `valid_name`, and no system column of PostgreSQL or of a load; raises ValueError."""
    if name in _SYSTEM_COLUMNS:
        raise ValueError(f"{name!r} is a system column of PostgreSQL, or ours during a load")
    return valid_name(name)


def valid_schema(name: str) -> str:
    """As `valid_name`, and neither PostgreSQL's own schema nor our ledger's; raises ValueError."""
    if name.startswith("pg_") or name in {"information_schema", "_naru"}:
        raise ValueError(f"{name!r} is reserved")
    return valid_name(name)


def drafted_column(name: str) -> str:
    return f"{name}_" if name in _SYSTEM_COLUMNS else shorten(name)


def shorten(name: str) -> str:
    """At most 63 bytes, cut at a character boundary; a cut name ends in a hash of the whole."""
    encoded = name.encode("utf-8", "surrogatepass")
    if len(encoded) <= NAME_BYTES:
        return name
    digest = hashlib.sha256(encoded).hexdigest()[:_HASH_CHARACTERS]
    head = encoded[: NAME_BYTES - _HASH_CHARACTERS - 1].decode("utf-8", "ignore")
    return f"{head}_{digest}"


def primary_key_name(table: str) -> str:
    return shorten(f"{table}_pkey")


def _starts_word(name: str, i: int) -> bool:
    before, here, after = name[i - 1 : i], name[i], name[i + 1 : i + 2]
    if not here.isupper():
        return False
    if before.islower() or before.isdigit():
        return True
    plural = after == "s" and not name[i + 2 : i + 3].islower()  # OrderIDs is order_ids
    return before.isupper() and after.islower() and not plural


def _is_word(character: str) -> bool:
    """Letters and digits, and the marks that vowels are written with in Thai or Hindi."""
    return character.isalnum() or unicodedata.category(character)[0] == "M"


_FOLDS: dict[Naming, Callable[[str], str]] = {"snake": snake, "lower": str.lower, "keep": str}
