"""Rows per second over the time of a run, as the outline of an area."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from pipeline.record import Pace

WIDTH, HEIGHT = 960, 100
"""Of the drawing's own units; the page stretches it to its room."""


@dataclass(frozen=True, slots=True)
class Chart:
    outline: Markup
    top: float
    """Rows per second at the upper edge, a round number."""
    most: float
    mean: float
    seconds: float


def chart(pace: Sequence[Pace]) -> Chart | None:
    """None where nothing was read."""
    rows, seconds = sum(part.rows for part in pace), sum(part.ends_s - part.begins_s for part in pace)
    if not rows or not seconds:
        return None
    rates = [part.rows / (part.ends_s - part.begins_s) for part in pace]
    top = _round_up(max(rates))
    points = [
        f"{x / len(rates) * WIDTH:.1f} {HEIGHT - rate / top * HEIGHT:.1f}"
        for i, rate in enumerate(rates)
        for x in (i, i + 1)
    ]
    outline = f"M0 {HEIGHT}L{'L'.join(points)}L{WIDTH} {HEIGHT}Z"
    return Chart(Markup(outline), top, max(rates), rows / seconds, seconds)  # noqa: S704  (numbers of our own)


def _round_up(value: float) -> float:
    """The next 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)
