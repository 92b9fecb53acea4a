"""The drawing of tables: parents left of children, nothing on top of anything, whatever the keys are."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.report.graph import HEIGHT, WIDTH, Graph, Name, draw
from tests.unit.report.reports import large


def named(*pairs: tuple[str, str]) -> list[tuple[Name, Name]]:
    return [(("s", parent), ("s", child)) for parent, child in pairs]


def drawn(*pairs: tuple[str, str]) -> Graph:
    graph = draw(named(*pairs))
    assert graph is not None
    return graph


def columns(graph: Graph) -> dict[str, float]:
    return {box.name[1]: box.x for box in graph.boxes}


def test_a_parent_stands_left_of_its_children_and_near_them() -> None:
    x = columns(drawn(("a", "b"), ("b", "c"), ("a", "c"), ("late", "c")))
    assert x["a"] < x["b"] < x["c"]
    assert x["late"] == x["b"]


def test_a_circle_is_opened_and_its_key_still_points_from_parent_to_child() -> None:
    graph = drawn(("a", "b"), ("b", "c"), ("c", "a"))
    assert {(line.parent[1], line.child[1]) for line in graph.lines} == {("a", "b"), ("b", "c"), ("c", "a")}
    x = columns(graph)
    for line in graph.lines:
        side = WIDTH if x[line.parent[1]] < x[line.child[1]] else 0
        assert line.points[0][0] == x[line.parent[1]] + side
        assert line.points[-1][0] == x[line.child[1]] + WIDTH - side


def test_a_key_of_a_table_to_itself_is_told_and_no_line() -> None:
    graph = drawn(("a", "a"), ("a", "b"))
    assert [box.refers_to_itself for box in sorted(graph.boxes, key=lambda box: box.name)] == [True, False]
    assert len(graph.lines) == 1


def test_no_keys_or_too_many_to_read_is_no_drawing() -> None:
    assert draw([]) is None
    assert draw(named(*((f"t{i}", f"t{i + 1}") for i in range(20_000)))) is None


def assert_readable(graph: Graph) -> None:
    for one, other in combinations(graph.boxes, 2):
        apart = abs(one.x - other.x) >= WIDTH or abs(one.y - other.y) >= HEIGHT
        assert apart, (one, other)
    for box in graph.boxes:
        assert 0 <= box.x <= graph.width - WIDTH
        assert -1e-6 <= box.y <= graph.height - HEIGHT + 1e-6
    for line in graph.lines:
        assert all(-1e-6 <= y <= graph.height + 1e-6 for _, y in line.points)


NAMES = st.sampled_from("abcdefghij")


@given(st.lists(st.tuples(NAMES, NAMES), min_size=1, max_size=30))
def test_whatever_the_keys_are_every_table_is_there_once_and_apart(pairs: list[tuple[str, str]]) -> None:
    graph = drawn(*pairs)
    assert sorted(box.name[1] for box in graph.boxes) == sorted({name for pair in pairs for name in pair})
    assert {frozenset((line.parent[1], line.child[1])) for line in graph.lines} == {
        frozenset(pair) for pair in pairs if pair[0] != pair[1]
    }
    assert_readable(graph)


def crossings(graph: Graph) -> int:
    """Of the curves between neighbouring layers."""
    curves = [(a, b) for line in graph.lines for a, b in zip(line.points[::2], line.points[1::2], strict=True)]
    return sum(
        one[0][0] == other[0][0] and (one[0][1] - other[0][1]) * (one[1][1] - other[1][1]) < 0
        for one, other in combinations(curves, 2)
    )


def test_forty_tables_are_apart_and_hardly_cross() -> None:
    graph = draw((key.parent, key.child) for key in large().relationships)
    assert graph is not None
    assert_readable(graph)
    assert crossings(graph) < len(graph.lines)
