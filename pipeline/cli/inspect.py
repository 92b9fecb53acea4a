"""`inspect`: what a source holds and what of it will not arrive as it is; reads no rows unless asked to."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from pipeline.catalog import Catalog
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
from pipeline.engine.forensics import examine
from pipeline.errors import UsageError
from pipeline.evidence import TextEvidence
from pipeline.mapping.models import Encoding, Mapping
from pipeline.mapping.write import column_line
from pipeline.report.catalog import print_catalog, print_differences, print_queries
from pipeline.report.forensics import print_evidence
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
    encoding: Annotated[
        bool, typer.Option("--encoding", help="Read the text too, and tell where it was stored wrongly.")
    ] = False,
    rows: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="With --encoding: only the first N rows of each table.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Show tables, columns, keys, relationships and warnings of a source."""
    if rows is not None and not encoding:
        raise UsageError("--rows says how far --encoding reads", hint="add --encoding, or leave it out")
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    alone = lone_access_file(settings, source)
    if compare and alone is None:
        raise UsageError("--cross-check reads one Access file alone", hint="leave out --follow-links and ACCESS_LINKS")
    # What can be shown is shown: of damage it is told, and nothing is carried anywhere.
    opened, dialect_of = open_source(settings, source, code_page, salvage=alone is not None)
    with opened:
        catalog = opened.catalog()
        differences = tuple(cross_check(alone, opened)) if compare and alone else None
        dialect = dialect_of(catalog)
        batch_rows = settings.migration_batch_size
        evidence = tuple(examine(opened, catalog, dialect, batch_rows=batch_rows, rows=rows)) if encoding else None
    made = draft(catalog, dialect=dialect)
    lines = _repairs(made.mapping, evidence or ())
    if json:
        notices = [*catalog.unread, *catalog.notices, *made.notices, *made.left]
        selects = {name: view.sql for name, view in made.mapping.views.items()}
        told = {"catalog": catalog, "views": selects, "notices": notices, "cross_check": differences}
        if evidence is not None:
            told["encoding"] = {"rows_of_each_table": rows, "columns": _with_lines(evidence, lines)}
        answer(as_json(told))
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
    if evidence is not None:
        print_evidence(console, evidence, lines, rows)
        _say_code_page(console, catalog, evidence)


def _repairs(mapping: Mapping, columns: Iterable[TextEvidence]) -> dict[tuple[str, str], str]:
    """The mapping's line of each column that it can repair, as it would have to be."""
    lines = {}
    for column in columns:
        if column.encoding is not None:
            drafted = mapping.tables[column.table].columns[column.column]
            repaired = drafted.model_copy(update={"encoding": Encoding.model_validate(dict(column.encoding))})
            lines[column.table, column.column] = column_line(column.column, repaired)
    return lines


def _say_code_page(console: Console, catalog: Catalog, columns: Iterable[TextEvidence]) -> None:
    """A file of Access 97 has one code page; where that is wrong, names are read by it too."""
    korean = any(damage.kind == "cp949_as_latin" for column in columns for damage in column.damages)
    if korean and catalog.facts.get("code page") == "cp1252":
        console.print("hint: its header says code page 1252: --code-page 949 reads all of the file, names too")


def _with_lines(columns: Iterable[TextEvidence], lines: dict[tuple[str, str], str]) -> list[dict[str, object]]:
    return [asdict(column) | {"mapping": lines.get((column.table, column.column))} for column in columns]
