"""Where the links of an Access file lead: other Access files in one directory, each opened once.

A file is known by its name alone, since the path in a link is that of another machine. Nothing outside the
directory, and no symbolic link in it, is opened. Links of a followed file are not followed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pipeline.errors import SourceError, UsageError
from pipeline.sources.access.schema.link import Link
from pipeline.sources.access.source import AccessSource


@dataclass(frozen=True, slots=True)
class Followed:
    source: AccessSource
    file: str
    table: str
    """What the table is called in that source."""


def follow(
    main: AccessSource, directory: Path, stack: ExitStack, *, code_page: int | str | None, password: str | None
) -> dict[str, Followed | str]:
    """Each link to an Access file by its name: where it leads, or why it leads nowhere.

    A file is opened with the first password that a link to it holds, else with `password`. Raises UsageError
    where there is no such directory.
    """
    present = _files_by_name(directory)
    by_file: dict[str, dict[str, Link]] = {}
    for name, link in sorted(main.links().items()):
        if link.file is not None:
            by_file.setdefault(_folded(link.file), {})[name] = link
    ways: dict[str, Followed | str] = {}
    for file, links in by_file.items():
        found = present.get(file, [])
        opened: AccessSource | str = _why_not(found)
        if not opened:
            known = next((link.password for link in links.values() if link.password), password)
            try:
                opened = stack.enter_context(AccessSource(found[0], code_page=code_page, password=known))
            except SourceError as error:
                opened = error.message
        for name, link in links.items():
            ways[name] = opened if isinstance(opened, str) else _table(main, name, link, opened, found[0].name)
    return ways


def _files_by_name(directory: Path) -> dict[str, list[Path]]:
    """What the directory itself holds, by name without regard to case."""
    try:
        entries = sorted(directory.iterdir())
    except OSError as error:
        text = f"--follow-links {directory}: cannot be read: {error.strerror or error}"
        raise UsageError(text, hint="name the directory that holds the linked Access files") from error
    found: dict[str, list[Path]] = {}
    for entry in entries:
        found.setdefault(_folded(entry.name), []).append(entry)
    return found


def _why_not(found: list[Path]) -> str:
    if len(found) != 1:
        return "two files there have that name but for its case" if found else "no such file is there"
    if found[0].is_symlink() or not found[0].is_file():
        return "what has that name there is no regular file"
    return ""


def _table(main: AccessSource, name: str, link: Link, source: AccessSource, file: str) -> Followed | str:
    wanted = link.table or ""
    if _alike(name, main.table_names()):
        return "another table has the link's name"
    if "." in name or "." in wanted:
        return "Access allows no dot in the name of a table"
    if _alike(wanted, source.links()):
        return "it is a link there, too"
    table = _alike(wanted, source.table_names())
    return Followed(source, file, table) if table else "that file has no such table"


def _alike(name: str, names: Iterable[str]) -> str | None:
    return next((other for other in names if _folded(other) == _folded(name)), None)


def _folded(name: str) -> str:
    """Access takes names without regard to case, and some file systems take Hangul apart into its letters."""
    return unicodedata.normalize("NFC", name).casefold()
