"""From a mapping to the YAML file that a person edits: complete, commented, one line per column.

Reading it back gives an equal mapping.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any
from unicodedata import east_asian_width

from pydantic import BaseModel

from pipeline.catalog import Catalog, Notice
from pipeline.mapping.models import ColumnMapping, Mapping
from pipeline.mapping.scalars import quoted, resolve, written

_HEADER = """\
# yaml-language-server: $schema=mapping.schema.json
#
# Every table and column of the source stands here under its source name. To leave one behind, write
#     Name: {skip: true}
# A column can say
#     to, type          its name and its type in PostgreSQL
#     required: true    NOT NULL; a row without a value is a reject
#     identity: true    numbers new rows by itself, after the highest value that arrived
#     default: 0        takes the place of NULL
#     default_sql: now()               the PostgreSQL column's own default
#     generated: qty * price           PostgreSQL computes the column; the source's values stay behind
#     trim: both, empty_to_null: true  both, left or right; first trimmed, then emptied
#     encoding: {repair: cp949}        Korean bytes that an old program stored as Latin-1: inspect --encoding
#     encoding: {invalid: replace}     text that PostgreSQL cannot hold is replaced and recorded as a loss
#     values: {Y: true, N: false}      other values are rejects
#     hyperlink: split, ole: unwrap    one column for each part: the text or file, and what stands beside it
#     offset: keep                     a second column for the minutes that a datetimeoffset is ahead of UTC
#     rich_text: strip                 HTML becomes plain text, recorded as a loss
#     round: true                      to the type's scale, recorded as a loss
# and a table, beside its keys:
#     checks: [{name: positive, sql: "qty > 0"}]  over PostgreSQL names; a row that breaks one is a reject
#     load: append, replace or upsert  what happens to rows that the target already holds
#     filter: [{column: Year, op: ">=", value: 2020}]
# Under `views` stand the saved queries that become views, as SELECT over PostgreSQL names:
#     Open Orders: {sql: "select id from orders where not closed"}
"""
_COMMENT_COLUMN = 100


def render(mapping: Mapping, source: Catalog, notices: Iterable[Notice] = ()) -> str:
    """The mapping as YAML; the source's notices and these become comments where they belong."""
    return "".join(f"{line}\n".lstrip("\n") or "\n" for line in _lines(mapping, source, (*source.notices, *notices)))


def entry(part: BaseModel) -> str:
    """A part of a mapping as one line, to be put into a list: `- {name: ...}`."""
    return f"- {_flow(_said(part))}"


def column_line(name: str, column: ColumnMapping) -> str:
    """A column as its line in the file, without the comment."""
    return f"{quoted(name)}: {_flow(_default_sql_bare(_said(column)))}"


def _lines(mapping: Mapping, source: Catalog, notices: tuple[Notice, ...]) -> Iterator[str]:
    yield _HEADER
    yield from _notes(notices, None, None, "")
    for key, value in _said(mapping).items():
        if key not in ("tables", "views"):
            yield f"{key}: {_flow(value)}"
    yield "tables:" if mapping.tables else "tables: {}"
    for name in mapping.tables:
        yield ""
        yield from _table(mapping, source, name, notices)
    yield from _views(mapping, source, notices)


def _views(mapping: Mapping, source: Catalog, notices: tuple[Notice, ...]) -> Iterator[str]:
    """The views, and as comments the queries that are none."""
    if source.queries:
        yield ""
        yield "views:" if mapping.views else "views: {}"
    for query in source.queries:
        for notice in notices:
            if notice.table == query.name:
                yield f"  # note: {_one_line(f'{query.name}: {notice.text}')}"
        view = mapping.views.get(query.name)
        if view is not None:
            yield f"  {quoted(query.name)}:"
            yield from (line for key, value in _said(view).items() for line in _item(key, value))


def _item(key: str, value: Any) -> Iterator[str]:
    """SQL of several lines as they are, where YAML knows every character of them."""
    lines = str(value).split("\n")
    if len(lines) == 1 or not all(map(str.isprintable, lines)) or lines[0].startswith(" ") or not lines[-1]:
        yield f"    {key}: {_flow(value)}"
        return
    yield f"    {key}: |-"
    yield from (f"      {line}" for line in lines)


def _table(mapping: Mapping, source: Catalog, name: str, notices: tuple[Notice, ...]) -> Iterator[str]:
    said = _said(mapping.tables[name])
    yield from _notes(notices, name, None, "  ")
    if "columns" not in said:
        yield f"  {quoted(name)}: {_flow(said)}"
        return
    yield f"  {quoted(name)}:"
    for key, value in said.items():
        match key, value:
            case "columns", dict():
                yield "    columns:"
                yield from _columns(source, name, value, notices)
            case _, (dict(), *_):
                yield f"    {key}:"
                yield from (f"      - {_flow(entry)}" for entry in value)
            case _:
                yield f"    {key}: {_flow(value)}"


def _columns(source: Catalog, table: str, columns: dict[str, Any], notices: tuple[Notice, ...]) -> Iterator[str]:
    entries = {name: f"      {quoted(name)}: {_flow(_default_sql_bare(said))}" for name, said in columns.items()}
    width = min(max(map(_cells, entries.values())), _COMMENT_COLUMN)
    types = {column.name: column.type for column in source.table(table).columns}
    for name, entry in entries.items():
        yield from _notes(notices, table, name, "      ")
        yield f"{entry}{' ' * (width - _cells(entry))}  # {_one_line(str(types[name]))}"


def _notes(notices: Iterable[Notice], table: str | None, column: str | None, indent: str) -> Iterator[str]:
    for notice in notices:
        if (notice.table, notice.column) == (table, column):
            yield f"{indent}# note: {_one_line(notice.text)}"


def _said(model: BaseModel) -> dict[str, Any]:
    """What differs from the defaults; a file says the version, the schema and the naming in any case."""
    said = model.model_dump(by_alias=True, exclude_defaults=True)
    if isinstance(model, Mapping):
        said |= {"target": model.target.model_dump(by_alias=True), "naming": model.naming}
    return said


def _default_sql_bare(said: dict[str, Any]) -> dict[str, Any]:
    """`default_sql: 0` without quotes, where that reads back as the same expression."""
    expression = said.get("default_sql")
    bare = resolve(expression) if expression else None
    return said | {"default_sql": bare} if bare is not None and written(bare) == expression else said


def _flow(value: Any) -> str:
    match value:
        case dict():
            return "{" + ", ".join(f"{quoted(key)}: {_flow(item)}" for key, item in value.items()) + "}"
        case tuple() | list():
            return "[" + ", ".join(map(_flow, value)) + "]"
        case None | bool() | int() | Decimal() | str():
            return written(value)
    raise TypeError(f"a mapping holds no {type(value).__name__}")


def _one_line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _cells(text: str) -> int:
    """Columns that an editor gives the text: Korean letters take two."""
    return sum(2 if east_asian_width(c) in "WF" else 1 for c in text)
