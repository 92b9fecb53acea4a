from __future__ import annotations

import struct
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.decode import Undecodable
from pipeline.transform.ewkt import geography_ewkt, geometry_ewkt
from tests.unit.transform.spatial_writer import Point, Run, Tree, stored

ONE, TWO, THREE, FOUR = (struct.pack("<d", n).hex() for n in (1, 2, 3, 4))
ZERO = "00" * 8
NAN = "000000000000F8FF"
# Bytes as SQL Server writes them, out of tests of Entity Framework Core's reader (SqlServerSpatialReaderTest) and of
# SqlServerSimulator (SpatialCurveTests), which took them from a server.
GEOMETRY = {
    "000000000104000000000000000001000000FFFFFFFFFFFFFFFF01": "SRID=0;POINT EMPTY",
    "00000000010C" + ONE + TWO: "SRID=0;POINT(1 2)",
    "00000000010D" + ONE + TWO + THREE: "SRID=0;POINT Z (1 2 3)",
    "00000000010E" + ONE + TWO + THREE: "SRID=0;POINT M (1 2 3)",
    "00000000010F" + ONE + TWO + THREE + FOUR: "SRID=0;POINT ZM (1 2 3 4)",
    "000000000114" + ZERO * 3 + ONE: "SRID=0;LINESTRING(0 0, 0 1)",
    "000000000115" + ZERO * 3 + ONE + ONE + TWO: "SRID=0;LINESTRING Z (0 0 1, 0 1 2)",
    "00000000010403000000" + ZERO * 3 + ONE + ZERO + TWO + "01000000010000000001000000FFFFFFFF0000000002":
        "SRID=0;LINESTRING(0 0, 0 1, 0 2)",
    "0000000001040A000000" + ZERO * 3 + THREE * 4 + ZERO * 3 + ONE * 3 + TWO * 4 + ONE * 3
    + "020000000200000000000500000001000000FFFFFFFF0000000003":
        "SRID=0;POLYGON((0 0, 0 3, 3 3, 3 0, 0 0), (1 1, 1 2, 2 2, 2 1, 1 1))",
    "000000000104000000000000000001000000FFFFFFFFFFFFFFFF07": "SRID=0;GEOMETRYCOLLECTION EMPTY",
    "00000000010402000000" + ZERO * 3 + ONE
    + "020000000100000000010100000004000000FFFFFFFF0000000007000000000000000001000000000100000007020000000100000001":
        "SRID=0;GEOMETRYCOLLECTION(POINT(0 0), GEOMETRYCOLLECTION(POINT(0 1)))",
    "00000000010401000000" + ZERO * 2 + "01000000010000000002000000FFFFFFFF0000000004000000000000000001":
        "SRID=0;MULTIPOINT((0 0))",
    "00000000010404000000" + ZERO * 3 + ONE * 3 + ZERO * 2
    + "01000000020000000002000000FFFFFFFF0000000006000000000000000003":
        "SRID=0;MULTIPOLYGON(((0 0, 0 1, 1 1, 0 0)))",
    "00000000020403000000" + ZERO * 2 + ONE * 2 + TWO + ZERO + "01000000020000000001000000FFFFFFFF0000000008":
        "SRID=0;CIRCULARSTRING(0 0, 1 1, 2 0)",
    "000000000204000000000000000001000000FFFFFFFFFFFFFFFF08": "SRID=0;CIRCULARSTRING EMPTY",
    "00000000020404000000" + ZERO * 2 + ONE + ZERO + TWO + ONE + THREE + ZERO
    + "01000000030000000001000000FFFFFFFF0000000009020000000203":
        "SRID=0;COMPOUNDCURVE((0 0, 1 0), CIRCULARSTRING(1 0, 2 1, 3 0))",
    "00000000020405000000" + ZERO * 2 + ONE * 2 + TWO * 2 + THREE + ONE + FOUR + ZERO
    + "01000000030000000001000000FFFFFFFF000000000903000000020302":
        "SRID=0;COMPOUNDCURVE((0 0, 1 1), CIRCULARSTRING(1 1, 2 2, 3 1), (3 1, 4 0))",
    "00000000020405000000" + TWO + ONE * 2 + TWO + ZERO + ONE * 2 + ZERO + TWO + ONE
    + "01000000020000000001000000FFFFFFFF000000000A":
        "SRID=0;CURVEPOLYGON(CIRCULARSTRING(2 1, 1 2, 0 1, 1 0, 2 1))",
    "00000000020407000000" + ZERO * 2 + ONE + ZERO + ONE * 2 + ZERO * 4 + ONE * 2 + TWO + ZERO
    + "020000000100000000020400000003000000FFFFFFFF0000000007000000000000000003000000000100000008":
        "SRID=0;GEOMETRYCOLLECTION(POLYGON((0 0, 1 0, 1 1, 0 0)), CIRCULARSTRING(0 0, 1 1, 2 0))",
}  # fmt: skip
# As a script in public shows it beside the text that it was made of.
GEOGRAPHY = {"E6100000010C00000000006044408FC2F5285C7F52C0": "SRID=4326;POINT(-73.99 40.75)"}
REFUSED = {
    "E61000000224000000000000000001000000FFFFFFFFFFFFFFFF0B": "the whole globe",
    "E61000000224" + "05000000" + ZERO * 3 + ONE * 4 + ZERO * 3
    + "01000000010000000001000000FFFFFFFF0000000003": "more than a hemisphere",
    "000000000115" + ZERO * 3 + ONE + NAN + TWO: "a coordinate that is no number",
    "": "says 4 bytes at 0",
    "FFFFFFFF00": "goes on for 1 bytes",
    "FEFFFFFF010C" + ONE + TWO: "the SRID -2",
    "00000000030C" + ONE + TWO: "version 3",
    "00000000014C" + ONE + TWO: "properties 0x4c",
    "00000000012C" + ONE + TWO: "properties 0x2c",
    "00000000011C" + ONE + TWO: "a point and a line at once",
    "00000000010C" + ONE: "says 16 bytes",
    "00000000010C" + ONE + TWO + "00": "goes on for 1 bytes",
    "000000000104FFFFFFFF": "says 68,719,476,720 bytes",
    "000000000104000000000000000000000000": "kind that is not known",  # no shape
    "000000000104000000000000000001000000FFFFFFFFFFFFFFFF0C": "kind that is not known",
    "000000000104000000000000000001000000FFFFFFFFFFFFFFFF08": "no CIRCULARSTRING of version 1",
    "00000000010401000000" + ZERO * 2 + "0000000001000000FFFFFFFFFFFFFFFF01": "do not part its points",
    "00000000010401000000" + ZERO * 2 + "01000000010000000001000000FFFFFFFFFFFFFFFF01": "figures of no shape",
    "00000000010401000000" + ZERO * 2 + "01000000010000000001000000FFFFFFFF0100000001": "do not part its figures",
    "00000000010401000000" + ZERO * 2 + "01000000000000000001000000FFFFFFFF0000000001": "no POINT of version 1",
    "00000000010401000000" + ZERO * 2 + "01000000010000000001000000FFFFFFFF0000000002": "a LINESTRING of 1 points",
    "00000000010401000000" + ZERO * 2 + "01000000010000000002000000FFFFFFFF0000000005000000000000000001":
        "a POINT in a MULTILINESTRING",
    "00000000010401000000" + ZERO * 2 + "01000000010000000002000000FFFFFFFF0000000001000000000000000001":
        "do not part its figures",  # a point in a point
    "000000000104000000000000000002000000FFFFFFFFFFFFFFFF01FFFFFFFFFFFFFFFF01": "no member of those before",
    "000000000104000000000000000001000000000000000000000007": "no member of those before",
    "00000000010404000000" + ZERO * 3 + ONE * 3 + ZERO * 2 + "01000000000000000001000000FFFFFFFF0000000003":
        "begins with an inner ring",
    "00000000010403000000" + ZERO * 4 + ONE * 2 + "01000000020000000001000000FFFFFFFF0000000003": "not closed",
    "00000000020402000000" + ZERO * 2 + ONE * 2 + "01000000020000000001000000FFFFFFFF0000000008": "arcs of 2 points",
    "00000000020402000000" + ZERO * 2 + ONE * 2 + "01000000030000000001000000FFFFFFFF0000000009": "make up its comp",
    "00000000020402000000" + ZERO * 2 + ONE * 2 + "01000000030000000001000000FFFFFFFF00000000090100000000": "make up",
    "00000000020402000000" + ZERO * 2 + ONE * 2 + "01000000030000000001000000FFFFFFFF00000000090100000003": "go on",
    "00000000020402000000" + ZERO * 2 + ONE * 2 + "01000000030000000001000000FFFFFFFF0000000009020000000202": "of no f",
    "00000000020402000000" + ZERO * 2 + ONE * 2 + "01000000030000000001000000FFFFFFFF00000000090100000004": "segments",
}  # fmt: skip
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)


def text(value: float) -> str:
    return repr(value).removesuffix(".0")


def positions(points: list[Point]) -> str:
    return f"({', '.join(' '.join(map(text, point)) for point in points)})"


def named(kind: str, tag: str, body: str) -> str:
    return f"{kind} {tag} {body}" if tag else f"{kind}{' ' * (body == 'EMPTY')}{body}"


def curve(runs: list[Run], tag: str) -> str:
    """As a ring, or as a shape of its own without its name."""
    parts = [named("CIRCULARSTRING", tag, positions(p)) if way == "arcs" else positions(p) for way, p in runs]
    return f"({', '.join(parts)})"


def show(tree: Tree, tag: str, around: str = "") -> str:
    """The expected text, from the tree itself."""
    kind = tree.kind
    if tree.members:
        body = f"({', '.join(show(member, tag, kind) for member in tree.members)})"
    elif not tree.figures:
        body = "EMPTY"
    elif kind == "CURVEPOLYGON":
        rings = [
            named("COMPOUNDCURVE", tag, curve(runs, tag)) if len(runs) > 1 else curve(runs, tag)[1:-1]
            for runs in tree.figures
        ]
        body = f"({', '.join(rings)})"
    elif kind == "POLYGON":
        body = f"({', '.join(positions(runs[0][1]) for runs in tree.figures)})"
    elif kind == "COMPOUNDCURVE":
        body = curve(tree.figures[0], tag)
    else:
        body = positions(tree.figures[0][0][1])
    return body if around.startswith("MULTI") else named(kind, tag, body)


@st.composite
def trees(draw: st.DrawFn, dimensions: int) -> Tree:
    point = st.tuples(*[NUMBERS] * dimensions)

    def points(least: int, *, odd: bool = False) -> list[Point]:
        made = draw(st.lists(point, min_size=least, max_size=least + 4))
        return made if not odd or len(made) % 2 else made[:-1]

    def runs(*, closed: bool) -> list[Run]:
        """Each begins where the one before it ended."""
        made: list[Run] = []
        for way in draw(st.lists(st.sampled_from(("line", "arcs")), min_size=1, max_size=3)):
            new = points(2) if way == "line" else points(3, odd=True)
            made.append((way, [made[-1][1][-1], *new[1:]] if made else new))
        if closed:
            way, last = made[-1]
            back = made[0][1][0]
            made[-1] = (way, [*last, back] if way == "line" else [*last, back, back])
        return made

    def ring() -> list[Run]:
        made = points(3)
        return [("line", [*made, made[0]])]

    def leaf(kind: str) -> Tree:
        if draw(st.integers(0, 4)) == 0:
            return Tree(kind)
        match kind:
            case "POINT":
                return Tree(kind, [[("line", points(1)[:1])]])
            case "LINESTRING":
                return Tree(kind, [[("line", points(2))]])
            case "CIRCULARSTRING":
                return Tree(kind, [[("arcs", points(3, odd=True))]])
            case "COMPOUNDCURVE":
                return Tree(kind, [runs(closed=False)])
            case "POLYGON":
                return Tree(kind, [ring() for _ in range(draw(st.integers(1, 3)))])
        return Tree(kind, [runs(closed=True) for _ in range(draw(st.integers(1, 2)))])

    def any_of(depth: int) -> Tree:
        kind = draw(st.sampled_from(["POINT", "LINESTRING", "POLYGON", "CIRCULARSTRING", "COMPOUNDCURVE",
                                     "CURVEPOLYGON", "MULTIPOINT", "MULTILINESTRING", "MULTIPOLYGON",
                                     "GEOMETRYCOLLECTION"]))  # fmt: skip
        if kind.startswith("MULTI"):
            return Tree(kind, members=[leaf(kind[5:]) for _ in range(draw(st.integers(0, 3)))])
        if kind != "GEOMETRYCOLLECTION":
            return leaf(kind)
        return Tree(kind, members=[any_of(depth - 1) for _ in range(draw(st.integers(0, 3)))] if depth else [])

    return any_of(3)


@pytest.mark.parametrize(("raw", "said"), GEOMETRY.items())
def test_geometry_as_sql_server_stores_it(raw: str, said: str) -> None:
    assert geometry_ewkt(bytes.fromhex(raw)) == said


@pytest.mark.parametrize(("raw", "said"), GEOGRAPHY.items())
def test_geography_has_its_latitude_first(raw: str, said: str) -> None:
    assert geography_ewkt(bytes.fromhex(raw)) == said


def test_the_null_instance_is_null() -> None:
    assert geometry_ewkt(b"\xff\xff\xff\xff") is None


@pytest.mark.parametrize(("raw", "why"), REFUSED.items())
def test_what_is_damaged_or_beyond_ewkt_is_refused(raw: str, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        geometry_ewkt(bytes.fromhex(raw))


@pytest.mark.parametrize("raw", [*GEOMETRY, *GEOGRAPHY])
def test_every_end_but_the_right_one_is_refused(raw: str) -> None:
    value = bytes.fromhex(raw)
    for end in range(len(value)):
        with pytest.raises(Undecodable):
            geometry_ewkt(value[:end])
    with pytest.raises(Undecodable):
        geometry_ewkt(value + b"\0")


@pytest.mark.parametrize("raw", [*GEOMETRY, *GEOGRAPHY, *REFUSED])
def test_changed_bytes_end_in_a_text_or_a_reason(raw: str) -> None:
    """No other error, whatever is wrong."""
    random = Random(raw)
    for _ in range(300):
        value = bytearray.fromhex(raw) or bytearray(1)
        for _ in range(random.randint(1, 3)):
            value[random.randrange(len(value))] = random.choice((0, 1, 2, 3, 7, 9, 11, 127, 128, 255))
        try:
            said = geometry_ewkt(bytes(value))
        except Undecodable:
            continue
        assert said is None or said.startswith("SRID=")


@pytest.mark.parametrize(("z", "m"), [(False, False), (True, False), (False, True), (True, True)])
@given(st.data())
def test_every_shape_comes_back(z: bool, m: bool, data: st.DataObject) -> None:
    tree = data.draw(trees(2 + z + m))
    tag = "Z" * z + "M" * m
    assert geometry_ewkt(stored(tree, z=z, m=m, srid=5179)) == f"SRID=5179;{show(tree, tag)}"
    assert geography_ewkt(stored(tree, z=z, m=m, latitude_first=True)) == f"SRID=0;{show(tree, tag)}"


@given(NUMBERS)
def test_numbers_read_back_as_they_were(value: float) -> None:
    said = geometry_ewkt(bytes.fromhex("00000000010C") + struct.pack("<dd", value, -value))
    assert said is not None
    back = said.removeprefix("SRID=0;POINT(").removesuffix(")").split()
    assert [struct.pack("<d", float(one)) for one in back] == [struct.pack("<d", one) for one in (value, -value)]


def test_collections_may_be_as_deep_as_they_are_long() -> None:
    depth = 50_000
    shapes = b"".join(struct.pack("<iiB", at - 1, -1, 7) for at in range(depth))
    said = geometry_ewkt(struct.pack("<iBBIII", 0, 1, 4, 0, 0, depth) + shapes)
    assert said == "SRID=0;" + "GEOMETRYCOLLECTION(" * (depth - 1) + "GEOMETRYCOLLECTION EMPTY" + ")" * (depth - 1)


def test_a_value_of_any_size_is_refused_before_it_is_read() -> None:
    with pytest.raises(Undecodable, match="are not read"):
        geometry_ewkt(b"\0" * ((32 << 20) + 1))
