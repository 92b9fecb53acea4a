"""hierarchyid of SQL Server as the path that it shows: `/1/-2.18/`.

The form is that of [MS-SSCLRT] 2.2, HIERARCHYID Structure: labels as bits without gaps, filled with zeros to a whole
byte. A label says by its first bits which range it is of, then how far into that it lies, then whether a slash follows;
where a dot does, the label is one less than the bits say. The root has no bits.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from pipeline.transform.decode import Undecodable

_LONGEST = 892
"""Bytes that SQL Server stores at most."""


@dataclass(frozen=True, slots=True)
class Range:
    """Labels from `first` on. In `form`, x is a bit of the distance to it; the others are as they stand."""

    first: int
    form: str

    @property
    def pattern(self) -> str:
        return self.form.replace("x", "[01]")

    def label(self, bits: str) -> int:
        return self.first + int("".join(bit for bit, form in zip(bits, self.form, strict=True) if form == "x"), 2)


# The zeros and ones among the x keep a label's bits from reading as those of another range; the ranges leave no gap.
RANGES = (
    Range(-281_479_271_682_120, "000100xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"),
    Range(-4_294_971_464, "000101xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"),
    Range(-4_168, "000110xxxxx0xxx0x1xxx"),
    Range(-72, "0010xx0x1xxx"),
    Range(-8, "00111xxx"),
    Range(0, "01xx"),
    Range(4, "100xx"),
    Range(8, "101xxx"),
    Range(16, "110xx0x1xxx"),
    Range(80, "1110xxx0xxx0x1xxx"),
    Range(1_104, "11110xxxxx0xxx0x1xxx"),
    Range(5_200, "111110xxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"),
    Range(4_294_972_496, "111111xxxxxxxxxxxxxx0xxxxxxxxxxxxxxxxxxxxx0xxxxxx0xxx0x1xxx"),
)
_LABEL = re.compile("|".join(f"({one.pattern})" for one in RANGES))


def hierarchy_path(value: bytes) -> str:
    """Raises Undecodable for bytes that SQL Server does not write: each path has one form alone."""
    if len(value) > _LONGEST:
        raise Undecodable(f"has {len(value)} bytes, and no hierarchyid has more than {_LONGEST}")
    bits = "".join(f"{byte:08b}" for byte in value)
    path, at, last = ["/"], 0, bits.rfind("1")
    while at <= last:
        found = _LABEL.match(bits, at)
        if found is None or found.end() == len(bits):
            raise Undecodable(f"holds no label at bit {at}")
        label = RANGES[(found.lastindex or 0) - 1].label(found[0])
        at = found.end() + 1
        path.append(f"{label}/" if bits[found.end()] == "1" else f"{label - 1}.")
    if not path[-1].endswith("/"):
        raise Undecodable("ends within a level")
    if len(bits) - at >= 8:
        raise Undecodable("goes on after its end")
    return "".join(path)
