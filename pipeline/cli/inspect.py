"""`inspect`: what a source holds and what of it will not arrive as it is; reads no rows."""

from __future__ import annotations

from rich.console import Console

from pipeline.cli.opening import CodePageOption, FileArgument, JsonOption, open_source
from pipeline.dialects.draft import draft
from pipeline.report.catalog import print_catalog
from pipeline.report.text import as_json
from pipeline.settings import load_settings


def inspect(file: FileArgument = None, code_page: CodePageOption = None, json: JsonOption = False) -> None:
    """Show tables, columns, keys, relationships and warnings of an Access file."""
    opened, dialect = open_source(load_settings(), file, code_page)
    with opened as source:
        catalog = source.catalog()
    made = draft(catalog, dialect=dialect)
    if json:
        print(as_json({"catalog": catalog, "notices": [*catalog.notices, *made.notices]}))  # noqa: T201
        return
    types = {
        (table.name, column.name): made.mapping.tables[table.name].columns[column.name].type
        for table in catalog.tables
        for column in table.columns
    }
    print_catalog(Console(), catalog, types, made.notices)
