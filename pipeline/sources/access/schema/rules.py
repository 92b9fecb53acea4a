"""What the properties of a table and its columns ask of values, and say of them to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pipeline.catalog import Check, Identity, Notice
from pipeline.sources.access.cells.columns import type_of
from pipeline.sources.access.pages.definition import TableDefinition
from pipeline.sources.access.schema.lookup import choices
from pipeline.sources.access.schema.properties import Properties, Value

_LARGEST_LONG = 2**31 - 1
_NOT_EMPTY = '<>""'
_TEXT = frozenset({"Text", "Memo", "Hyperlink"})


def text(value: object) -> str | None:
    """The property, where it is a text that says something."""
    return value if isinstance(value, str) and value else None


def comment(column: Mapping[str, Value]) -> str | None:
    """Caption and description, once where they are the same."""
    said = (text(column.get("Caption")), text(column.get("Description")))
    return ": ".join(dict.fromkeys(part for part in said if part)) or None


def identify(last: int, default: str | None) -> Identity:
    """Numbers drawn at random have no next; neither has a column at the end of its range."""
    at_random = default is not None and "genuniqueid" in default.lower()
    return Identity(None if at_random or last >= _LARGEST_LONG else last + 1, at_random)


def checks(table: TableDefinition, properties: Properties, *, wide: bool) -> Iterator[Check]:
    """The validation rules, the table's own first, then each column's, and that a text be not empty.

    A column whose property AllowZeroLength is missing takes empty text: its default is No, but the engine
    holds to it only where it is written down (Microsoft's KB 217156; 52 such values in real files).
    """
    rule = text(properties.table.get("ValidationRule"))
    if rule:
        yield Check("", rule)
    for column in table.columns:
        own = properties.columns.get(column.name, {})
        rule = text(own.get("ValidationRule"))
        if rule:
            yield Check(column.name, rule, (column.name,))
        if own.get("AllowZeroLength") is False and type_of(column, wide=wide).name in _TEXT:
            yield Check(column.name, _NOT_EMPTY, (column.name,))


def readable_choices(column: Mapping[str, Value]) -> tuple[str, ...]:
    """As `choices`; none where the list cannot be read, which `lookup_notices` tells."""
    try:
        return choices(column)
    except ValueError:
        return ()


def lookup_notices(table: str, properties: Properties) -> Iterator[Notice]:
    for column, own in properties.columns.items():
        try:
            choices(own)
        except ValueError as error:
            yield Notice(table, column, f"its lookup list of values is not read: {error}")
