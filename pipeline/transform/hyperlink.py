"""A hyperlink of Access as its parts: `text#address#subaddress#screen tip`, any of them empty or left out.

The form is Microsoft's (`HyperlinkPart` of the Access reference). Read by position alone: text without `#` is what is
shown, and leads nowhere; what `%23` means is the address's own affair. Empty and left out are both NULL. A `#` may
end the whole; with more of them nobody can tell which belong to a part, so such a value is refused.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from pipeline.transform.step import Stepped, somewhere

_PARTS = 4


@dataclass(frozen=True, slots=True)
class HyperlinkPart:
    place: int
    name: str = "hyperlink"

    def __call__(self, values: pl.Series) -> Stepped:
        marks = values.str.count_matches("#", literal=True)
        extra = (marks > _PARTS) | ((marks == _PARTS) & ~values.str.ends_with("#"))
        part = values.str.split("#").list.get(self.place, null_on_oob=True)
        return Stepped(part.set(part == "", None), refused=somewhere(extra))
