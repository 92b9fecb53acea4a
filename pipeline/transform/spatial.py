"""geometry and geography of SQL Server, as they are stored.

The form is that of [MS-SSCLRT] 2.1, little-endian: SRID, version (2 knows arcs and compound curves), properties;
then points, figures (runs of points), shapes (what figures make up, in the order of a walk through the tree) and, for
compound curves, segments. A lone point or line of two points has neither counts nor figures.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from itertools import chain, pairwise
from math import isfinite
from typing import Any

from pipeline.transform.decode import Undecodable

_LARGEST = 32 << 20
"""Bytes, or two million points: some ten times as much memory while it is read."""
_NULL_SRID, _LAST_SRID = -1, 999_999
_FIGURE, _SHAPE = "<Bi", "<iiB"
"""Kind and first point; parent, first figure and kind."""

Point = tuple[float, ...]
"""x, y, and then z, m or both."""


class Has(IntFlag):
    """The properties."""

    Z = 1
    M = 2
    VALID = 4
    POINT = 8
    """It is one point, and nothing else is stored."""
    LINE = 16
    """As `POINT`, of a line of two points."""
    LARGER_THAN_A_HEMISPHERE = 32


class Kind(IntEnum):
    """What a shape is."""

    POINT = 1
    LINESTRING = 2
    POLYGON = 3
    MULTIPOINT = 4
    MULTILINESTRING = 5
    MULTIPOLYGON = 6
    GEOMETRYCOLLECTION = 7
    CIRCULARSTRING = 8
    COMPOUNDCURVE = 9
    CURVEPOLYGON = 10
    FULLGLOBE = 11


COLLECTIONS = (Kind.MULTIPOINT, Kind.MULTILINESTRING, Kind.MULTIPOLYGON, Kind.GEOMETRYCOLLECTION)


class Segment(IntEnum):
    """A step of a compound curve: one point further, or two for an arc. The first ones begin a member of it."""

    LINE = 0
    ARC = 1
    FIRST_LINE = 2
    FIRST_ARC = 3


@dataclass(frozen=True, slots=True)
class Figure:
    kind: int
    """In version 1: 0 inner ring, 1 stroke, 2 outer ring. In version 2: 0 point, 1 line, 2 arcs, 3 compound curve."""
    points: list[Point]


@dataclass(frozen=True, slots=True)
class Shape:
    kind: Kind
    parent: int
    """Which of the shapes it is a member of; -1 for the first, which is the whole."""
    figures: tuple[Figure, ...]
    """None where it is empty, or has members."""


@dataclass(frozen=True, slots=True)
class Spatial:
    srid: int
    version: int
    has: Has
    shapes: tuple[Shape, ...]
    segments: tuple[Segment, ...]
    """Of all compound curves, one after another."""


def read_spatial(value: bytes, *, latitude_first: bool) -> Spatial | None:
    """None for the null instance; raises Undecodable where the counts, places and kinds do not make up a whole."""
    if len(value) > _LARGEST:
        raise Undecodable(f"has {len(value):,} bytes; more than {_LARGEST:,} are not read")
    reader = _Reader(value)
    (srid,) = reader.numbers("<i")
    if srid == _NULL_SRID:
        reader.end()
        return None
    if not 0 <= srid <= _LAST_SRID:
        raise Undecodable(f"has the SRID {srid}, which SQL Server does not take")
    version, properties = reader.numbers("<BB")
    if version not in (1, 2):
        raise Undecodable(f"is of version {version}, which is not known")
    if properties > (Has.LARGER_THAN_A_HEMISPHERE * version) - 1:  # version 1 does not know the last one
        raise Undecodable(f"has properties {properties:#x}, which are not known")
    has = Has(properties)
    shapes, segments = _read(reader, has, version, latitude_first=latitude_first)
    reader.end()
    return Spatial(srid, version, has, shapes, segments)


def _read(
    reader: _Reader, has: Has, version: int, *, latitude_first: bool
) -> tuple[tuple[Shape, ...], tuple[Segment, ...]]:
    if alone := has & (Has.POINT | Has.LINE):
        if alone == Has.POINT | Has.LINE:
            raise Undecodable("is a point and a line at once")
        points = _points(reader, 1 if alone == Has.POINT else 2, has, latitude_first=latitude_first)
        return (Shape(Kind.POINT if alone == Has.POINT else Kind.LINESTRING, -1, (Figure(1, points),)),), ()
    points = _points(reader, reader.count(), has, latitude_first=latitude_first)
    figures = _figures([*reader.records(reader.count(), _FIGURE)], points)
    shapes = _shapes([*reader.records(reader.count(), _SHAPE)], figures)
    return shapes, _segments(reader) if version > 1 and reader.left else ()


def _points(reader: _Reader, count: int, has: Has, *, latitude_first: bool) -> list[Point]:
    pairs = reader.records(count, "<dd")
    points: list[Point] = [(x, y) for y, x in pairs] if latitude_first else list(pairs)
    for one in (Has.Z, Has.M):
        if one in has:
            points = [(*point, *more) for point, more in zip(points, reader.records(count, "<d"), strict=True)]
    if not all(map(isfinite, chain.from_iterable(points))):
        raise Undecodable(
            "has a coordinate that is no number, as a point without the Z or M of others; EWKT cannot say it"
        )
    return points


def _figures(records: list[tuple[int, int]], points: list[Point]) -> list[Figure]:
    bounds = [*(first for _, first in records), len(points)]
    if bounds[0] != 0 or any(end <= start for start, end in pairwise(bounds)):
        raise Undecodable("has figures that do not part its points")
    return [Figure(kind, points[at:end]) for (kind, _), (at, end) in zip(records, pairwise(bounds), strict=True)]


def _shapes(records: list[tuple[int, int, int]], figures: list[Figure]) -> tuple[Shape, ...]:
    """A shape's figures go on to those of the next shape that has some; the place of a collection's is its members'."""
    if not records or not {kind for *_, kind in records} <= {*Kind}:
        raise Undecodable("has shapes of a kind that is not known")
    shapes, end = [], len(figures)
    for parent, first, kind in reversed(records):
        made = Kind(kind)
        start = end if first == -1 or made in COLLECTIONS else first
        if first != -1 and not (0 <= first == end if made in COLLECTIONS else 0 <= first < end):
            raise Undecodable("has shapes that do not part its figures")
        shapes.append(Shape(made, parent, tuple(figures[start:end])))
        end = start
    if end:
        raise Undecodable("has figures of no shape")
    return tuple(reversed(shapes))


def _segments(reader: _Reader) -> tuple[Segment, ...]:
    kinds = [kind for (kind,) in reader.records(reader.count(), "<B")]
    if not {*kinds} <= {*Segment}:
        raise Undecodable("has segments of a kind that is not known")
    return tuple(map(Segment, kinds))


class _Reader:
    """Walks forward through bytes; each step raises Undecodable at their end."""

    def __init__(self, content: bytes) -> None:
        self._content, self._at = content, 0

    @property
    def left(self) -> int:
        return len(self._content) - self._at

    def _take(self, size: int) -> int:
        if size > self.left:
            raise Undecodable(f"says {size:,} bytes at {self._at}, and has {self.left:,}")
        self._at += size
        return self._at - size

    def numbers(self, form: str) -> tuple[int, ...]:
        return struct.unpack_from(form, self._content, self._take(struct.calcsize(form)))

    def count(self) -> int:
        return self.numbers("<I")[0]

    def records(self, count: int, form: str) -> Iterator[Any]:
        """Tuples of numbers."""
        at = self._take(count * struct.calcsize(form))
        return struct.iter_unpack(form, self._content[at : self._at])

    def end(self) -> None:
        if self.left:
            raise Undecodable(f"goes on for {self.left:,} bytes after its end")
