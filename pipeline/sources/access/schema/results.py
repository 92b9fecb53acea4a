"""What calculated columns yield: their properties say it, not the number of their type."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from pipeline.sources.access.pages.definition import TableDefinition
from pipeline.sources.access.schema.properties import Properties, Value

UNKNOWN_RESULT = 0
# Expressions have no other results: no binary, no attachment, no identifier. Numbers are those of column types.
_RESULTS = frozenset((1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16))


def with_results(table: TableDefinition, properties: Properties) -> TableDefinition:
    """The definition, in which a calculated column has the type of its result, or `UNKNOWN_RESULT`."""
    columns = tuple(
        replace(column, type=_result(properties.columns.get(column.name, {}))) if column.calculated else column
        for column in table.columns
    )
    return replace(table, columns=columns)


def _result(properties: Mapping[str, Value]) -> int:
    """Known only together with the expression: one without the other is not how Access writes it."""
    result, expression = properties.get("ResultType"), properties.get("Expression")
    return result if isinstance(result, int) and result in _RESULTS and expression else UNKNOWN_RESULT
