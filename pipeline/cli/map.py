"""`map`: write the mapping that a person then edits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.cli.console import answer, make_console
from pipeline.cli.opening import (
    CodePageOption,
    LinksOption,
    PasswordOption,
    SalvageOption,
    SourceArgument,
    code_page_of,
    load_source_settings,
    open_source,
)
from pipeline.cli.writing import write_whole
from pipeline.dialects.draft import draft
from pipeline.errors import UsageError
from pipeline.mapping.schema import json_schema
from pipeline.mapping.write import render


def map_(
    source: SourceArgument = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write to this file; default: standard output."),
    ] = None,
    naming: Annotated[
        Literal["snake", "lower", "keep"], typer.Option(help="How source names become PostgreSQL names.")
    ] = "snake",
    schema: Annotated[str, typer.Option(metavar="NAME", help="Target schema.")] = "public",
    lookups: Annotated[
        bool, typer.Option("--lookups", help="Draft checks from the lists of values that forms keep to.")
    ] = False,
    code_page: CodePageOption = None,
    password_stdin: PasswordOption = False,
    follow_links: LinksOption = None,
    salvage: SalvageOption = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write a complete, commented mapping of a source: every table, column and key."""
    settings = load_source_settings(source, password_stdin=password_stdin, follow_links=follow_links)
    opened, dialect_of = open_source(settings, source, code_page, salvage=salvage)
    with opened:
        catalog = opened.catalog()
    made = draft(catalog, dialect=dialect_of(catalog), naming=naming, schema=schema, lookups=lookups)
    # The columns' names are read in it, so that a run without it would find none of them.
    mapping = made.mapping.model_copy(update={"code_page": code_page_of(code_page)})
    # A table that is lost has no place in the mapping, so its note stands at the top.
    lost = [replace(note, table=None, text=f"{note.table or 'the file'}: {note.text}") for note in catalog.unread]
    text = render(mapping, catalog, (*lost, *made.notices, *made.left))
    if output is None:
        answer(text.removesuffix("\n"))
        return
    _write_new(output, text, force=force)
    beside = output.parent / "mapping.schema.json"
    if not beside.exists():
        write_whole(beside, json_schema())
    make_console(stderr=True).print(f"wrote {output}: {len(catalog.tables)} tables", markup=False, highlight=False)


def _write_new(path: Path, text: str, *, force: bool) -> None:
    """An edited mapping is never overwritten unasked."""
    if path.exists() and not force:
        raise UsageError(f"{path} exists", hint="name another file with -o, or overwrite it with --force")
    write_whole(path, text)
