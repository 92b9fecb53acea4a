"""A source's catalog for people: every table, column, key and relationship, and what to know of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from pipeline.catalog import Action, Catalog, Column, ForeignKey, Index, Notice, Query, Table, shown_choices
from pipeline.report.line import say
from pipeline.report.text import print_notices


def print_catalog(
    console: Console, catalog: Catalog, types: Mapping[tuple[str, str], str | None], notices: Sequence[Notice]
) -> None:
    """`types` are the PostgreSQL types of (table, column); None is a type that is not carried."""
    for name, value in catalog.facts.items():
        console.print(f"[bold]{escape(name)}[/bold]: {escape(value)}", highlight=False)
    for table in catalog.tables:
        _print_table(console, table, types)
    console.print()
    print_notices(console, [*catalog.unread, *catalog.notices, *notices])


def print_queries(console: Console, queries: Sequence[Query], views: Mapping[str, str], left: Sequence[Notice]) -> None:
    """Saved queries with the views that they become, or why they become none, and then their text."""
    reasons = {notice.table: notice.text for notice in left}
    for query in queries:
        if query.name in views:
            text = f"query {query.name}: becomes view {views[query.name]}"
            say(console, text)
            continue
        text = f"query {query.name}: {reasons[query.name]}"
        say(console, text, "yellow")
        for line in query.sql.splitlines():
            shown = "".join(c if c.isprintable() else " " for c in line.strip())
            say(console, f"    {shown}", "dim")


def print_differences(console: Console, differences: Sequence[tuple[str, str | None, str]]) -> None:
    """What a second reader says differently: table, column, text."""
    if not differences:
        console.print("cross-check: access-parser reads the same", style="green")
    for table, column, text in differences:
        place = f"{table}.{column}" if column else table
        say(console, f"cross-check: {place}: {text}", "yellow")


def _print_table(console: Console, table: Table, types: Mapping[tuple[str, str], str | None]) -> None:
    rows = "rows unknown" if table.rows is None else f"{table.rows:,} rows"
    console.print(f"\n[bold]{escape(table.name)}[/bold]  {rows}, {len(table.columns)} columns", highlight=False)
    if table.comment:
        console.print(escape(table.comment), style="dim", highlight=False)
    grid = Grid(show_edge=False, pad_edge=False, box=None, header_style="dim")
    for header in ("  column", "source type", "PostgreSQL type", ""):
        grid.add_column(header, overflow="fold")
    for column in table.columns:
        type = types.get((table.name, column.name))
        shown = escape(type) if type else "[red]not carried[/red]"
        grid.add_row(f"  {escape(column.name)}", escape(str(column.type)), shown, escape(_remarks(table, column)))
    console.print(grid)
    for index in table.indexes:
        if not index.primary:
            console.print(f"  {escape(_index(index))}", style="dim", highlight=False)
    for check in table.checks:
        rule = f"rule {', '.join(check.columns) or 'of the table'}: {check.expression}"
        console.print(f"  {escape(rule)}", style="dim", highlight=False)
    for key in table.foreign_keys:
        console.print(f"  {escape(_foreign_key(key))}", style="dim", highlight=False)


def _remarks(table: Table, column: Column) -> str:
    remarks = ["primary key"] if column.name in table.primary_key else []
    if column.identity:
        remarks.append("numbers itself at random" if column.identity.random else "numbers itself")
    if not column.nullable:
        remarks.append("required")
    if column.unreadable:
        remarks.append("not readable")
    if column.default is not None:
        remarks.append(f"default {column.default}")
    if column.choices:
        remarks.append(f"one of {shown_choices(column.choices)}")
    if column.comment:
        remarks.append(f"“{column.comment}”")
    return ", ".join(remarks)


def _index(index: Index) -> str:
    parts = ", ".join(part.column + (" desc" if part.descending else "") for part in index.parts)
    kind = "unique index" if index.unique else "index"
    included = f" with {', '.join(index.included)}" if index.included else ""
    limits = f" where {index.predicate}" if index.predicate else " ignoring nulls" if index.ignore_nulls else ""
    return f"{kind} {index.name} ({parts}){included}{limits}"


def _foreign_key(key: ForeignKey) -> str:
    text = f"({', '.join(key.columns)}) references {key.parent} ({', '.join(key.parent_columns)})"
    for event, action in (("update", key.on_update), ("delete", key.on_delete)):
        if action is not Action.NO_ACTION:
            text += f" on {event} {action.value}"
    if key.one_to_one:
        text += ", one to one"
    return text if key.enforced else f"{text}, not enforced"
