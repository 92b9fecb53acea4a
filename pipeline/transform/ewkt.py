"""geometry and geography of SQL Server as EWKT, which PostGIS reads: `SRID=4326;POINT(126.978 37.5665)`.

Z and M are named (`POINT M (1 2 3)`), as the OGC writes them and PostGIS takes them: without, a member that is empty
would say another number of coordinates than the others. Numbers are the shortest that read back as the same double.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from pipeline.transform.decode import Undecodable
from pipeline.transform.spatial import COLLECTIONS, Figure, Has, Kind, Point, Segment, Shape, Spatial, read_spatial

_MEMBERS = {Kind.MULTIPOINT: Kind.POINT, Kind.MULTILINESTRING: Kind.LINESTRING, Kind.MULTIPOLYGON: Kind.POLYGON}
"""What these hold; it goes without its name there."""
_RINGS = (Kind.POLYGON, Kind.CURVEPOLYGON)
_INNER_RING, _STROKE, _OUTER_RING = range(3)
_POINT, _LINE, _ARCS, _COMPOUND = range(4)
_FIGURES: dict[tuple[int, Kind], set[int]] = {
    (1, Kind.POINT): {_STROKE},
    (1, Kind.LINESTRING): {_STROKE},
    (1, Kind.POLYGON): {_OUTER_RING, _INNER_RING},
    (2, Kind.POINT): {_POINT, _LINE},
    (2, Kind.LINESTRING): {_LINE},
    (2, Kind.POLYGON): {_LINE},
    (2, Kind.CIRCULARSTRING): {_ARCS},
    (2, Kind.COMPOUNDCURVE): {_COMPOUND},
    (2, Kind.CURVEPOLYGON): {_LINE, _ARCS, _COMPOUND},
}
"""Which kinds of figures make up which shape, by version."""
_EMPTY = "EMPTY"


def ewkt(value: bytes, *, latitude_first: bool) -> str | None:
    """None for the null instance; raises Undecodable for what is damaged, or beyond the words of EWKT."""
    spatial = read_spatial(value, latitude_first=latitude_first)
    if spatial is None:
        return None
    if spatial.shapes[0].kind is Kind.FULLGLOBE:
        raise Undecodable("is the whole globe, which EWKT has no word for")
    if Has.LARGER_THAN_A_HEMISPHERE in spatial.has:
        raise Undecodable("covers more than a hemisphere, and PostGIS would take it for the rest of the globe")
    return f"SRID={spatial.srid};{''.join(_Writer(spatial).pieces())}"


geometry_ewkt = partial(ewkt, latitude_first=False)
geography_ewkt = partial(ewkt, latitude_first=True)


class _Writer:
    """Writes one value, shape by shape."""

    def __init__(self, spatial: Spatial) -> None:
        self._version, self._shapes = spatial.version, spatial.shapes
        self._dimensions = ("Z" if Has.Z in spatial.has else "") + ("M" if Has.M in spatial.has else "")
        self._segments = iter(spatial.segments)

    def pieces(self) -> Iterator[str]:
        """The shapes are in the order of a walk, so that those around one are a stack, however deep."""
        parents = {shape.parent for shape in self._shapes}
        around: list[int] = []
        for at, shape in enumerate(self._shapes):
            while around and around[-1] != shape.parent:
                around.pop()
                yield ")"
            if shape.parent != (around[-1] if around else -1) or (at and not around):
                raise Undecodable("has a shape that is no member of those before it")
            if around and around[-1] != at - 1:
                yield ", "
            name = self._name(shape.kind, self._shapes[around[-1]].kind if around else None)
            if shape.kind in COLLECTIONS and at in parents:
                yield self._said(name, "(")
                around.append(at)
            else:
                yield self._said(name, self._body(shape))
        yield ")" * len(around)
        if next(self._segments, None) is not None:
            raise Undecodable("has segments of no figure")

    def _name(self, kind: Kind, around: Kind | None) -> str:
        """It is understood in a collection of one kind."""
        if around not in _MEMBERS:
            return kind.name
        if _MEMBERS[around] is not kind:
            raise Undecodable(f"has a {kind.name} in a {around.name}")
        return ""

    def _said(self, name: str, body: str) -> str:
        if not name:
            return body
        words = (name, self._dimensions, body) if self._dimensions else (name, body)
        return " ".join(words) if self._dimensions or body == _EMPTY else name + body

    def _body(self, shape: Shape) -> str:
        if shape.kind in COLLECTIONS:
            return _EMPTY
        allowed = _FIGURES.get((self._version, shape.kind))
        if allowed is None or not {figure.kind for figure in shape.figures} <= allowed:
            raise Undecodable(f"has figures that no {shape.kind.name} of version {self._version} has")
        if not shape.figures:
            return _EMPTY
        if shape.kind in _RINGS:
            if self._version == 1 and shape.figures[0].kind != _OUTER_RING:
                raise Undecodable("has a polygon that begins with an inner ring")
            return f"({', '.join(self._ring(figure) for figure in shape.figures)})"
        if len(shape.figures) > 1:
            raise Undecodable(f"has a {shape.kind.name} of {len(shape.figures)} figures")
        (figure,) = shape.figures
        if (len(figure.points) == 1) is not (shape.kind is Kind.POINT):
            raise Undecodable(f"has a {shape.kind.name} of {len(figure.points)} points")
        return self._members(figure) if shape.kind is Kind.COMPOUNDCURVE else self._curve(figure)

    def _ring(self, figure: Figure) -> str:
        if len(figure.points) < 3 or figure.points[0][:2] != figure.points[-1][:2]:
            raise Undecodable("has a ring that is not closed")
        if self._version == 1 or figure.kind == _LINE:
            return self._curve(figure)
        if figure.kind == _ARCS:
            return self._said(Kind.CIRCULARSTRING.name, self._curve(figure))
        return self._said(Kind.COMPOUNDCURVE.name, self._members(figure))

    def _curve(self, figure: Figure) -> str:
        if self._version > 1 and figure.kind == _ARCS and len(figure.points) % 2 == 0:
            raise Undecodable(f"has arcs of {len(figure.points)} points")
        return _positions(figure.points)

    def _members(self, figure: Figure) -> str:
        """Lines and arcs, each of which begins where the one before it ends."""
        members: list[tuple[bool, int, int]] = []
        at, last = 0, len(figure.points) - 1
        while at < last:
            segment = next(self._segments, None)
            arcs = segment in (Segment.ARC, Segment.FIRST_ARC)
            if segment in (Segment.FIRST_LINE, Segment.FIRST_ARC):
                members.append((arcs, at, at))
            if segment is None or not members or members[-1][0] is not arcs:
                raise Undecodable("has segments that do not make up its compound curve")
            at += 2 if arcs else 1
            members[-1] = (arcs, members[-1][1], at)
        if at > last:
            raise Undecodable("has segments that go on after its compound curve")
        texts = ((arcs, _positions(figure.points[start : end + 1])) for arcs, start, end in members)
        return f"({', '.join(self._said(Kind.CIRCULARSTRING.name, text) if arcs else text for arcs, text in texts)})"


def _positions(points: list[Point]) -> str:
    return f"({', '.join(' '.join(map(_number, point)) for point in points)})"


def _number(value: float) -> str:
    return repr(value).removesuffix(".0")
