"""A drawing of tables and their foreign keys: layers from left to right, each parent left of its children.

The classic way in four steps: cycles are opened, tables are put into layers, the places in a layer are sorted by
where their neighbours stand, and heights are evened out. A key that passes a layer gets a place there, so that its
line runs between the tables and not behind them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

Name = tuple[str, str]
"""Schema and table."""
_Place = tuple[Name, int] | tuple[Name, Name, int]
"""A table in its layer, or where a key passes one: parent, child, layer."""

WIDTH, HEIGHT = 142.0, 40.0
COLUMNS = 17
"""Of a name, at 12 px of a font whose characters are equally wide."""
_BETWEEN_LAYERS, _BETWEEN_TABLES, _BETWEEN_LINES = 42.0, 12.0, 9.0
_MARGIN = 6.0
_SWEEPS = 12
_MOST_PLACES = 600
"""Of tables and of passing keys: nobody can read more."""


@dataclass(frozen=True, slots=True)
class Box:
    name: Name
    x: float
    y: float
    refers_to_itself: bool


@dataclass(frozen=True, slots=True)
class Line:
    parent: Name
    child: Name
    points: tuple[tuple[float, float], ...]
    """From the parent to the child, an even number: from right to left only where a circle was opened."""


@dataclass(frozen=True, slots=True)
class Graph:
    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(keys: Iterable[tuple[Name, Name]]) -> Graph | None:
    """The drawing of (parent, child) pairs; None where there are none, or more than anybody can read."""
    pairs = sorted(set(keys))
    own = {parent for parent, child in pairs if parent == child}
    names = sorted({name for pair in pairs for name in pair})
    edges = _without_cycles(names, [pair for pair in pairs if pair[0] != pair[1]])
    layers = _layers(names, edges)
    if not names or len(names) + sum(layers[b] - layers[a] - 1 for a, b in edges) > _MOST_PLACES:
        return None
    grid = _Grid.of(names, edges, layers)
    grid.untangle()
    return grid.drawing(own, turned={*edges} - {*pairs})


def _without_cycles(names: Sequence[Name], edges: Collection[tuple[Name, Name]]) -> list[tuple[Name, Name]]:
    """The edges, with those turned around that would close a circle."""
    children = defaultdict(list)
    for parent, child in edges:
        children[parent].append(child)
    open_, done = set[Name](), set[Name]()
    turned = set[tuple[Name, Name]]()
    for root in names:
        stack = [] if root in done else [(root, iter(children[root]))]
        open_.update(name for name, _ in stack)
        while stack:
            name, rest = stack[-1]
            for child in rest:
                if child in open_:
                    turned.add((name, child))
                elif child not in done:
                    open_.add(child)
                    stack.append((child, iter(children[child])))
                    break
            else:
                stack.pop()
                open_.discard(name)
                done.add(name)
    return sorted({(b, a) if (a, b) in turned else (a, b) for a, b in edges})


def _layers(names: Sequence[Name], edges: Collection[tuple[Name, Name]]) -> dict[Name, int]:
    """Each table as far left as its parents allow, and one without parents next to its first child."""
    parents, children = defaultdict(list), defaultdict(list)
    for parent, child in edges:
        parents[child].append(parent)
        children[parent].append(child)
    waiting = {name: len(parents[name]) for name in names}
    layers = dict.fromkeys(names, 0)
    ready = [name for name in names if not waiting[name]]
    for name in ready:  # grows on the way
        for child in children[name]:
            layers[child] = max(layers[child], layers[name] + 1)
            waiting[child] -= 1
            if not waiting[child]:
                ready.append(child)
    for name in names:
        if not parents[name]:
            layers[name] = min((layers[child] for child in children[name]), default=1) - 1
    return layers


@dataclass(slots=True)
class _Grid:
    layers: list[list[_Place]]
    chains: list[list[_Place]]
    """Of each edge, the places that its line goes through."""
    left: dict[_Place, list[_Place]] = field(default_factory=lambda: defaultdict(list))
    right: dict[_Place, list[_Place]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, names: Sequence[Name], edges: Collection[tuple[Name, Name]], layer_of: dict[Name, int]) -> _Grid:
        layers: list[list[_Place]] = [[] for _ in range(max(layer_of.values()) + 1)]
        for name in names:
            layers[layer_of[name]].append((name, layer_of[name]))
        grid = cls(layers, [])
        for a, b in edges:
            passed: list[_Place] = [(a, b, layer) for layer in range(layer_of[a] + 1, layer_of[b])]
            for place in passed:
                layers[place[-1]].append(place)
            grid.chains.append([(a, layer_of[a]), *passed, (b, layer_of[b])])
        for chain in grid.chains:
            for near, far in pairwise(chain):
                grid.right[near].append(far)
                grid.left[far].append(near)
        return grid

    def untangle(self) -> None:
        """Sort each layer by the mean place of the neighbours on one side, from left to right and back."""
        rank = {place: i for layer in self.layers for i, place in enumerate(layer)}
        for sweep in range(_SWEEPS):
            towards = self.left if sweep % 2 == 0 else self.right
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                layer.sort(key=lambda place: (_mean(rank, towards[place], rank[place]), rank[place]))
                rank.update((place, i) for i, place in enumerate(layer))

    def drawing(self, own: Collection[Name], turned: Collection[tuple[Name, Name]]) -> Graph:
        middle = self._middles()
        top = min(y - _height(place) / 2 for place, y in middle.items()) - _MARGIN
        boxes = tuple(
            Box(place[0], _x(place), middle[place] - HEIGHT / 2 - top, place[0] in own)
            for layer in self.layers
            for place in layer
            if len(place) == 2
        )
        lines = tuple(self._line(chain, middle, top, turned) for chain in self.chains)
        width = len(self.layers) * (WIDTH + _BETWEEN_LAYERS) - _BETWEEN_LAYERS + 2 * _MARGIN
        bottom = max(y + _height(place) / 2 for place, y in middle.items()) - top + _MARGIN
        return Graph(width, bottom, boxes, lines)

    def _line(
        self, chain: list[_Place], middle: dict[_Place, float], top: float, turned: Collection[tuple[Name, Name]]
    ) -> Line:
        points = [(_x(place) + side, middle[place] - top) for place in chain for side in (0.0, WIDTH)][1:-1]
        first, last = chain[0][0], chain[-1][0]
        if (first, last) in turned:
            return Line(last, first, tuple(reversed(points)))
        return Line(first, last, tuple(points))

    def _middles(self) -> dict[_Place, float]:
        """Heights near those of the neighbours, in the order of each layer and without two that touch."""
        middle: dict[_Place, float] = {}
        for layer in self.layers:
            middle.update(_spread(layer, dict.fromkeys(layer, 0.0)))
        for sweep in range(_SWEEPS):
            for layer in self.layers if sweep % 2 == 0 else reversed(self.layers):
                wanted = {it: _mean(middle, [*self.left[it], *self.right[it]], middle[it]) for it in layer}
                middle.update(_spread(layer, wanted))
        return middle


def _spread(layer: Sequence[_Place], wanted: dict[_Place, float]) -> Iterator[tuple[_Place, float]]:
    """Between pushing all down from the top and all up from the bottom: both keep the distances, so their mean does."""
    down: list[float] = []
    for i, place in enumerate(layer):
        down.append(wanted[place] if not i else max(wanted[place], down[-1] + _apart(layer[i - 1], place)))
    up: list[float] = []
    for i, place in enumerate(reversed(layer)):
        up.append(wanted[place] if not i else min(wanted[place], up[-1] - _apart(place, layer[-i])))
    for place, low, high in zip(layer, down, reversed(up), strict=True):
        yield place, (low + high) / 2


def _apart(upper: _Place, lower: _Place) -> float:
    between = _BETWEEN_TABLES if len(upper) == len(lower) == 2 else _BETWEEN_LINES
    return (_height(upper) + _height(lower)) / 2 + between


def _height(place: _Place) -> float:
    return HEIGHT if len(place) == 2 else 0.0


def _x(place: _Place) -> float:
    return _MARGIN + int(place[-1]) * (WIDTH + _BETWEEN_LAYERS)


def _mean(of: dict[_Place, float] | dict[_Place, int], places: Sequence[_Place], alone: float) -> float:
    return sum(of[place] for place in places) / len(places) if places else alone
