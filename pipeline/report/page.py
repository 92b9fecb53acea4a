"""A report as one HTML page that needs nothing else: styles and drawings are in it, scripts are not.

Whatever a value holds, it is text: every expression of the templates is made visible, cut and escaped on its way
out, and the page's own policy allows no script and no request even where that failed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import groupby
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

import pipeline
from pipeline.record import LossSample, RejectSample
from pipeline.report import chart, graph
from pipeline.report.document import Report
from pipeline.report.messages import Language, messages
from pipeline.report.visible import fitted, visible

_MOST_CELLS = 8


@dataclass(frozen=True, slots=True)
class Cells:
    """What a page shows of a refused row."""

    shown: tuple[tuple[str, str], ...]
    """Column and value; one without a column is text that is no row."""
    rest: int


def as_page(report: Report, language: Language) -> str:
    """The whole page as text, for a file in UTF-8."""
    tables = {(table.target_schema, table.target): table for table in report.tables}
    joined = {name for key in report.relationships for name in (key.child, key.parent)}
    return (
        _environment()
        .get_template("page.html")
        .render(
            report=report,
            say=messages(language),
            style=Markup(resources.files(__package__).joinpath("templates", "style.css").read_text("utf-8")),  # noqa: S704
            tables=tables,
            graph=graph.draw((key.parent, key.child) for key in report.relationships),
            alone=[table for name, table in tables.items() if name not in joined],
            chart=chart.chart(report.pace),
            rejects=_alike(report.rejects),
            losses=_alike(report.losses),
            version=pipeline.__version__,
        )
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"cells": _cells, "fitted": fitted, "path": _path, "cut": visible}
    environment.globals |= {"box_width": graph.WIDTH, "box_height": graph.HEIGHT, "box_columns": graph.COLUMNS}
    environment.globals |= {"chart_width": chart.WIDTH, "chart_height": chart.HEIGHT}
    return environment


def _shown(value: object) -> object:
    """Last before the escaping, for every expression."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _path(points: Sequence[tuple[float, float]]) -> Markup:
    """A line through points: curved from layer to layer, straight where it passes one."""
    (x, y), *rest = points
    path = f"M{x:.1f} {y:.1f}"
    for i, (to_x, to_y) in enumerate(rest):
        bend = (x + to_x) / 2
        path += (
            f"L{to_x:.1f} {to_y:.1f}" if i % 2 else f"C{bend:.1f} {y:.1f} {bend:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"
        )
        x, y = to_x, to_y
    return Markup(path)  # noqa: S704  (numbers and letters of our own)


def _alike(samples: Sequence[RejectSample] | Sequence[LossSample]) -> list[list[Any]]:
    """The samples of each kind together; they come in the order of their kinds."""
    return [[*group] for _, group in groupby(samples, key=_kind)]


def _kind(sample: RejectSample | LossSample) -> tuple[str, ...]:
    what = (sample.stage, sample.reason) if isinstance(sample, RejectSample) else (sample.column_name, sample.rule)
    return (sample.target_schema, sample.target_table, *what)


def _cells(row_values: str) -> Cells:
    """The first columns of a stored row; of one that was cut on its way here, the text that there is."""
    try:
        row = json.loads(row_values)
    except (ValueError, RecursionError):
        return Cells((("", row_values),), 0)
    cells = tuple((column, _cell(value)) for column, value in row.items())
    return Cells(cells[:_MOST_CELLS], max(0, len(cells) - _MOST_CELLS))


def _cell(value: object) -> str:
    """A text as it is, anything else as JSON; what JSON has no type for is stored as an object of one `$` key."""
    if isinstance(value, dict) and len(value) == 1:
        (value,) = value.values()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
