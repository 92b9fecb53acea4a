"""Lookup lists of values: what a column's combo box or list box lets a person choose.

Access keeps to them in its forms and data sheets only; its engine takes any value.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from pipeline.sources.access.schema.properties import Value

_LIST_BOX, _COMBO_BOX = 110, 111
_PIECE = re.compile(r""""((?:[^"]|"")*)"|'((?:[^']|'')*)'|([^;"',]+)|;""")


def choices(properties: Mapping[str, Value]) -> tuple[str, ...]:
    """The only values that the list of a column allows; none where it has no list, or may be typed past it.

    Raises ValueError for a list that cannot be read with certainty.
    """
    control = properties.get("DisplayControl")
    limited = control == _LIST_BOX or (control == _COMBO_BOX and properties.get("LimitToList") is True)
    source = properties.get("RowSource")
    if not limited or properties.get("RowSourceType") != "Value List" or not isinstance(source, str):
        return ()
    columns, bound = properties.get("ColumnCount", 1), properties.get("BoundColumn", 1)
    if not isinstance(columns, int) or not isinstance(bound, int) or not 1 <= bound <= columns:
        raise ValueError(f"column {bound} of {columns} is the one that it stores")
    heads = columns if properties.get("ColumnHeads") is True else 0
    return tuple(dict.fromkeys(_items(source)[heads + bound - 1 :: columns]))


def _items(source: str) -> list[str]:
    """`"a;b"; 'c' ;d`: three. A bare comma may part items or not, which depends on the version of Access."""
    items: list[str] = []
    item: str | None = None
    at = 0
    while at < len(source):
        piece = _PIECE.match(source, at)
        if piece is None:
            raise ValueError(f"{source[at]!r} at character {at + 1} is not between quotes")
        at = piece.end()
        text = _text(piece)
        if text is None:
            items.append(item or "")
            item = None
        elif item is not None and (piece[3] is None or text):
            raise ValueError(f"two values stand before character {at + 1}")
        elif piece[3] is None or text:
            item = text
    return items if item is None else [*items, item]


def _text(piece: re.Match[str]) -> str | None:
    """None for the semicolon."""
    if piece[1] is not None:
        return piece[1].replace('""', '"')
    if piece[2] is not None:
        return piece[2].replace("''", "'")
    return piece[3] and piece[3].strip()
