"""Reading many places at once, of which some are damaged, without asking of each one by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from pipeline.errors import DamagedSource

T = TypeVar("T")


def halved(read: Callable[[slice], T], count: int, lose: Callable[[int, DamagedSource], T]) -> Iterator[T]:
    """What `read` makes of all places together, else of either half, in order; `lose` stands in for a single one.

    k damaged places of n cost O(k log n) readings, each of ever fewer places: O(n log n) where all are damaged.
    """
    return _halved(read, 0, count, lose)


def _halved(read: Callable[[slice], T], first: int, stop: int, lose: Callable[[int, DamagedSource], T]) -> Iterator[T]:
    try:
        found = read(slice(first, stop))
    except DamagedSource as error:
        damage = error
    else:
        yield found
        return
    if stop - first == 1:
        yield lose(first, damage)
        return
    middle = (first + stop) // 2
    yield from _halved(read, first, middle, lose)
    yield from _halved(read, middle, stop, lose)
