"""An Access file with a few things wrong, chosen where they hurt: headers, definitions, maps, row directories."""

from __future__ import annotations

import struct
from collections.abc import Callable
from random import Random

_DATA, _DEFINITION, _USAGE = 1, 2, 5
_OBJECTS_PAGE, _LONG_VALUES = 2, int.from_bytes(b"LVAL", "little")
_SHARES = {"header": 1, "definition": 6, "usage": 2, "objects": 3, "data": 8, "long": 3, "any": 1}
"""Of 24 changes, how many meet a kind of page. Index pages are never read, and only met by chance."""
_EXTREMES_16 = (0, 1, 2, 0x1FFF, 0x2000, 0x4000, 0x7FFF, 0x8000, 0xBFFF, 0xFFFF)
_EXTREMES_32 = (0, 1, 0xFF, 0x100, 0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xC0000001, 0xFFFFFFFF)


class Mutation:
    """Changes to one file. The same content and random numbers give the same bytes."""

    def __init__(self, content: bytes, random: Random) -> None:
        self._content = bytearray(content)
        self._random = random
        self._page_size = 2048 if content[0x14] == 0 else 4096
        self._rows = 10 if self._page_size == 2048 else 14
        self._pages = len(content) // self._page_size
        self._kinds: dict[str, list[int]] = {kind: [] for kind in _SHARES}
        for page in range(self._pages):
            self._kinds[self._kind(page)].append(page)

    def _kind(self, page: int) -> str:
        at = page * self._page_size
        owner = self._number("<I", at + 4)
        match self._content[at]:
            case _ if page == 0:
                return "header"
            case 2:
                return "definition"
            case 5:
                return "usage"
            case 1:
                return {_OBJECTS_PAGE: "objects", _LONG_VALUES: "long"}.get(owner, "data")
            case _:
                return "any"

    def _number(self, form: str, at: int) -> int:
        return int(struct.unpack_from(form, self._content, at)[0])

    def apply(self) -> bytes:
        """The content after one to five changes."""
        for _ in range(self._random.choice((1, 1, 1, 2, 3, 5))):
            change = self._random.choices((self._scribble, self._move_page, self._cut), (40, 4, 1))[0]
            change()
        return bytes(self._content)

    # ---- whole pages

    def _move_page(self) -> None:
        """Swap two pages, or put one or nothing in another's place."""
        size, (one, other) = self._page_size, (self._page() * self._page_size, self._page() * self._page_size)
        if max(one, other) + size > len(self._content):
            return
        here, there = self._content[one : one + size], self._content[other : other + size]
        match self._random.randrange(3):
            case 0:
                self._content[one : one + size], self._content[other : other + size] = there, here
            case 1:
                self._content[one : one + size] = there
            case 2:
                self._content[one : one + size] = bytes(size)

    def _cut(self) -> None:
        """Truncate, mostly between pages, or append pages of nothing."""
        size = self._page_size
        match self._random.randrange(4):
            case 0:
                del self._content[self._random.randrange(len(self._content)) :]
            case 1 | 2:
                del self._content[self._random.randrange(self._pages) * size :]
            case 3:
                self._content += bytes(size * self._random.randrange(1, 4))

    def _page(self) -> int:
        kinds = [kind for kind, pages in self._kinds.items() if pages]
        kind = self._random.choices(kinds, [_SHARES[kind] for kind in kinds])[0]
        return self._random.choice(self._kinds[kind])

    # ---- a few bytes

    def _scribble(self) -> None:
        page = self._page()
        if (page + 1) * self._page_size <= len(self._content):  # it may have been cut off
            change = self._random.choice((self._flip, self._extreme_16, self._extreme_32, self._point, self._noise))
            change(page * self._page_size + min(self._place(page), self._page_size - 4))

    def _place(self, page: int) -> int:
        base, random = page * self._page_size, self._random
        places: dict[int, Callable[[], int]] = {
            _DATA: lambda: self._place_of_row(base),
            # How long a definition is stands at 8; most pages have nothing after the first hundreds of bytes.
            _DEFINITION: lambda: random.randrange(max(16, min(self._number("<I", base + 8) + 8, self._page_size))),
        }
        if page == 0:
            return random.randrange(0x14, 0x300)
        return places.get(self._content[base], lambda: random.randrange(self._page_size))()

    def _place_of_row(self, base: int) -> int:
        """In the page's header, in the slot of a row, or in the row: at its start, near its end, anywhere."""
        random, slots = self._random, base + self._rows
        count = self._number("<H", slots - 2)
        if random.randrange(6) == 0 or not 0 < count < 256:
            return random.randrange(self._rows)
        row = random.randrange(count)
        start = self._number("<H", slots + 2 * row) & 0x1FFF
        end = self._number("<H", slots + 2 * row - 2) & 0x1FFF if row else self._page_size
        if not start < end <= self._page_size:
            return self._rows + 2 * row
        inside = (0, random.randrange(min(16, end - start)), random.randrange(end - start))
        near_end = end - start - 1 - random.randrange(min(12, end - start))
        return random.choice((self._rows + 2 * row, *(start + at for at in (*inside, near_end, near_end))))

    def _flip(self, at: int) -> None:
        self._content[at] ^= 1 << self._random.randrange(8)

    def _extreme_16(self, at: int) -> None:
        near = (self._page_size, self._page_size - 1, self._random.randrange(self._page_size))
        struct.pack_into("<H", self._content, at, self._random.choice((*_EXTREMES_16, *near)))

    def _extreme_32(self, at: int) -> None:
        near = (len(self._content), self._pages, self._random.randrange(self._pages))
        struct.pack_into("<I", self._content, at, self._random.choice((*_EXTREMES_32, *near)))

    def _point(self, at: int) -> None:
        """The address of some row, as overflow rows, long values and usage maps have it."""
        struct.pack_into("<I", self._content, at, self._page() << 8 | self._random.randrange(8))

    def _noise(self, at: int) -> None:
        length = min(self._random.choice((1, 2, 4, 8, 8, 64, 256)), len(self._content) - at)
        fill = self._random.choice((self._random.randbytes(length), bytes(length), b"\xff" * length))
        self._content[at : at + length] = fill
