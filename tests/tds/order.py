"""Which of two values SQL Server has first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.tds.tokens import ServerError
from tests.tds.types import Family, SqlType

_GUID_ORDER = (10, 11, 12, 13, 14, 15, 8, 9, 6, 7, 4, 5, 0, 1, 2, 3)
"""Of the bytes as they are stored, the ones that decide first."""
_TEXTS = (Family.NARROW, Family.WIDE)


def order_key(type: SqlType) -> Callable[[Any], Any]:
    """A function of the values whose results Python compares as SQL Server compares the values."""
    match type.kind.family:
        case Family.GUID:
            return lambda value: bytes(value.bytes_le[at] for at in _GUID_ORDER)
        case Family.WIDE if type.collation.binary:
            return lambda value: _units(value).rstrip(" ").encode("utf-16-be", "surrogatepass")
        case Family.NARROW if type.collation.binary:
            return lambda value: bytes(value).rstrip(b" ")
        case Family.WIDE:
            # Of Windows' order only this: case does not count, nor do blanks at the end.
            return lambda value: _units(value).casefold().rstrip(" ")
        case Family.NARROW:
            return lambda value: bytes(value).decode(type.encoding, "backslashreplace").casefold().rstrip(" ")
        case Family.ZONED:
            return lambda value: value.ticks
        case Family.VARIANT:
            raise ServerError(402, "this server does not know the order of sql_variant")
        case Family.BINARY if type.name in ("geography", "geometry", "image"):
            raise ServerError(306, f"{type} cannot be compared or sorted")
        case _:
            return lambda value: value


def _units(value: bytes) -> str:
    return bytes(value).decode("utf-16-le", "surrogatepass")


_RANK = (
    *(Family.VARIANT, Family.ZONED, Family.MOMENT, Family.DATETIME, Family.MINUTES, Family.DATE, Family.TIME),
    *(Family.FLOAT, Family.EXACT, Family.INTEGER, Family.GUID, Family.WIDE, Family.NARROW, Family.BINARY),
)
"""SQL Server's precedence of types, the highest first."""
_NUMBERS = (Family.FLOAT, Family.EXACT, Family.INTEGER)


def common_type(left: SqlType, right: SqlType) -> SqlType:
    """What both are converted to before they are compared: the one of higher precedence, but for sql_variant."""
    one, other = left.kind.family, right.kind.family
    if one is other:
        return max(left, right, key=_size)
    if Family.VARIANT in (one, other):
        return right if one is Family.VARIANT else left
    known = (one in _NUMBERS and other in _NUMBERS) or one in _TEXTS or other in _TEXTS
    if not known:
        raise ServerError(402, f"this server does not know how {left} compares with {right}")
    return left if _RANK.index(one) < _RANK.index(other) else right


def _size(type: SqlType) -> tuple[bool, bool, int, int]:
    return not type.args and type.kind.family in _TEXTS, type.is_max, sum(type.args), type.kind.width
