"""The FROM clause of a saved query, from its tables and a list of joins that says nothing of their nesting.

Access refuses outer joins whose result depends on the nesting, so any order of the others gives the same rows. What
a damaged or hostile file says against that is refused here too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_WORDS = {1: "INNER JOIN", 2: "LEFT JOIN", 3: "RIGHT JOIN"}
_INNER, _LEFT, _RIGHT = _WORDS
_MOST_TABLES = 32  # of a query of Access

Join = tuple[str, str, str, int]
"""Left name, right name, condition, and how: 1 inner, 2 left, 3 right."""


@dataclass(slots=True)
class _Joined:
    """Some of the tables, joined: `text` without its last condition, which may yet grow."""

    text: str
    conditions: list[str]

    def __str__(self) -> str:
        several = len(self.conditions) > 1
        condition = " AND ".join(f"({one})" if several else one for one in self.conditions)
        return f"{self.text} ON {condition}" if condition else self.text

    def nested(self) -> str:
        return f"({self})" if self.conditions else self.text


def join_text(tables: Mapping[str, str], joins: Sequence[Join]) -> str:
    """The tables, given as text by lower-case name, joined; raises ValueError where that would be a guess."""
    if len(tables) > _MOST_TABLES:
        raise ValueError(f"it reads more than {_MOST_TABLES} tables")
    merged = _merged(tables, joins)
    _check_unambiguous(merged)
    groups = {name: _Joined(text, []) for name, text in tables.items()}
    for (left, right), (conditions, how) in merged.items():
        one, other = groups[left], groups[right]
        if one is other and {how for _, how in merged.values()} == {_INNER}:
            one.conditions += conditions
        elif one is other:
            raise ValueError("its joins go round in a circle, and some are outer joins")
        else:
            both = _Joined(f"{one.nested()} {_WORDS[how]} {other.nested()}", conditions)
            groups = {name: both if group is one or group is other else group for name, group in groups.items()}
    return ", ".join(map(str, {id(group): group for group in groups.values()}.values()))


def _merged(tables: Mapping[str, str], joins: Sequence[Join]) -> dict[tuple[str, str], tuple[list[str], int]]:
    """One join for each pair of tables: a join over two columns is two rows."""
    merged: dict[tuple[str, str], tuple[list[str], int]] = {}
    for left, right, condition, how in joins:
        pair = (left.lower(), right.lower())
        if not {*pair} <= {*tables} or pair[0] == pair[1] or how not in _WORDS or not condition:
            raise ValueError("a join of it names no two of its tables, or is of a kind that is not known")
        conditions, known = merged.setdefault(pair, ([], how))
        if known != how:
            raise ValueError("it joins two tables in two ways")
        conditions.append(condition)
    return merged


def _check_unambiguous(joins: Mapping[tuple[str, str], tuple[list[str], int]]) -> None:
    """A table that may be missing from a row takes part in no other join, but to keep its rows in one further on."""
    optional = [right if how == _LEFT else left for (left, right), (_, how) in joins.items() if how != _INNER]
    for name in optional:
        bound = sum(name in pair for pair in joins)
        keeping = sum(
            (how == _LEFT and left == name) or (how == _RIGHT and right == name)
            for (left, right), (_, how) in joins.items()
        )
        if bound - keeping != 1:
            raise ValueError("what its outer joins give depends on their order, which the file does not say")
