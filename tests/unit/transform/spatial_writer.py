"""Writes the stored form of geometry, from [MS-SSCLRT] 2.1, beside and not with the reader."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

KINDS = (
    *("POINT", "LINESTRING", "POLYGON"),
    *("MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON", "GEOMETRYCOLLECTION"),
    *("CIRCULARSTRING", "COMPOUNDCURVE", "CURVEPOLYGON", "FULLGLOBE"),
)
Point = tuple[float, ...]
Run = tuple[str, list[Point]]
"""`line` or `arcs`."""


@dataclass
class Tree:
    """A shape: its figures, each of one run or, as a compound curve, of several; or its members."""

    kind: str
    figures: list[list[Run]] = field(default_factory=list)
    members: list[Tree] = field(default_factory=list)

    def walk(self) -> Iterator[Tree]:
        yield self
        for member in self.members:
            yield from member.walk()


def curved(tree: Tree) -> bool:
    return any(one.kind in KINDS[7:] for one in tree.walk())


def stored(tree: Tree, *, srid: int = 0, z: bool = False, m: bool = False, latitude_first: bool = False) -> bytes:
    """Without the short forms of one point and of a line of two."""
    made = _Arrays(2 if curved(tree) else 1)
    made.add(tree, -1)
    points = [struct.pack("<dd", *(point[1::-1] if latitude_first else point[:2])) for point in made.points]
    others = [struct.pack("<d", point[at]) for at in range(2, 2 + z + m) for point in made.points]
    counted = [
        *(struct.pack("<I", len(made.points)), *points, *others),
        *(struct.pack("<I", len(made.figures)), *(struct.pack("<Bi", *one) for one in made.figures)),
        *(struct.pack("<I", len(made.shapes)), *(struct.pack("<iiB", *one) for one in made.shapes)),
    ]
    if made.segments:
        counted += [struct.pack("<I", len(made.segments)), bytes(made.segments)]
    return struct.pack("<iBB", srid, made.version, 4 | z | m << 1) + b"".join(counted)


class _Arrays:
    def __init__(self, version: int) -> None:
        self.version = version
        self.points: list[Point] = []
        self.figures: list[tuple[int, int]] = []
        self.shapes: list[tuple[int, int, int]] = []
        self.segments: list[int] = []

    def add(self, tree: Tree, parent: int) -> None:
        filled = any(one.figures for one in tree.walk())
        at = len(self.shapes)
        self.shapes.append((parent, len(self.figures) if filled else -1, KINDS.index(tree.kind) + 1))
        for number, figure in enumerate(tree.figures):
            self._figure(tree.kind, number, figure)
        for member in tree.members:
            self.add(member, at)

    def _figure(self, kind: str, number: int, figure: list[Run]) -> None:
        compound = kind == "COMPOUNDCURVE" or len(figure) > 1
        if self.version == 1:
            made = 1 if kind != "POLYGON" else 0 if number else 2
        elif kind == "POINT":
            made = 0
        else:
            made = 3 if compound else 1 if figure[0][0] == "line" else 2
        self.figures.append((made, len(self.points)))
        for run, (way, points) in enumerate(figure):
            self.points += points[1:] if run else points
            if compound:
                steps = (len(points) - 1) // (1 if way == "line" else 2)
                self.segments += [2 + (way == "arcs"), *[int(way == "arcs")] * (steps - 1)]
