"""`inspect`: what a source holds and what of it will not arrive as it is; reads no rows."""

from __future__ import annotations

from typing import Annotated

import typer

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import (
    CodePageOption,
    JsonOption,
    LinksOption,
    PasswordOption,
    SourceArgument,
    load_source_settings,
    lone_access_file,
    open_source,
)
from pipeline.dialects.draft import draft
from pipeline.errors import UsageError
from pipeline.report.catalog import print_catalog, print_differences, print_queries
from pipeline.report.text import as_json
from pipeline.sources.access.cross_check import cross_check


def inspect(
    source: SourceArgument = None,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    compare: Annotated[
        bool, typer.Option("--cross-check", help="Read a small file with access-parser too, and tell where we differ.")
    ] = False,
    json: JsonOption = False,
) -> None:
    """Show tables, columns, keys, relationships and warnings of a source."""
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    alone = lone_access_file(settings, source)
    if compare and alone is None:
        raise UsageError("--cross-check reads one Access file alone", hint="leave out --follow-links and ACCESS_LINKS")
    # What can be shown is shown: of damage it is told, and nothing is carried anywhere.
    opened, dialect_of = open_source(settings, source, code_page, salvage=alone is not None)
    with opened:
        catalog = opened.catalog()
        differences = tuple(cross_check(alone, opened)) if compare and alone else None
    made = draft(catalog, dialect=dialect_of(catalog))
    if json:
        notices = [*catalog.unread, *catalog.notices, *made.notices, *made.left]
        selects = {name: view.sql for name, view in made.mapping.views.items()}
        answer(as_json({"catalog": catalog, "views": selects, "notices": notices, "cross_check": differences}))
        return
    types = {
        (table.name, column.name): made.mapping.tables[table.name].columns[column.name].type
        for table in catalog.tables
        for column in table.columns
    }
    console = make_console()
    print_catalog(console, catalog, types, made.notices)
    views = {query: made.mapping.view_name(query) for query in made.mapping.views}
    print_queries(console, catalog.queries, views, made.left)
    if differences is not None:
        print_differences(console, [(d.table, d.column, d.text) for d in differences])
