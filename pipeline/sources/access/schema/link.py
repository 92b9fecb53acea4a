"""Linked tables: what MSysObjects says of a table that lives elsewhere.

A connect string may hold a password and names servers and people, so no more of it is kept than the kind of the
other side, and for an Access file its name, and the password that opens it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import PureWindowsPath

ODBC_LINK, LINK = 4, 6
_ACCESS = ("", "ms access")
_KINDS = (
    ("excel", "an Excel workbook"),
    ("text", "a text file"),
    ("dbase", "a dBASE file"),
    ("paradox", "a Paradox file"),
    ("html", "an HTML file"),
    ("lotus", "a Lotus worksheet"),
    ("foxpro", "a FoxPro file"),
    ("wss", "a SharePoint list"),
    ("acewss", "a SharePoint list"),
    ("outlook", "an Outlook folder"),
    ("exchange", "an Exchange folder"),
)
"""How a connect string begins, and what that is to a person."""
_SHOWN_CHARACTERS = 100


@dataclass(frozen=True, slots=True)
class Link:
    kind: str
    """What it leads to, for a person; nothing of the connect string."""
    file: str | None = None
    """Name of the Access file, without its directories, where it leads to one."""
    table: str | None = None
    """What the table is called in that file."""
    password: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        if self.file is None:
            return self.kind
        return f"table {_short(self.table)!r} of the Access file {_short(self.file)!r}"


def parse_link(type: int, connect: str | None, database: str | None, table: str | None) -> Link:
    """A link from the fields of its object; Jet 3 to ACE write them alike.

    Access writes the path into Database; DATABASE= in the connect string is what a program may have set.
    """
    if type == ODBC_LINK:
        return Link("an ODBC data source")
    parts = [part.partition("=") for part in (connect or "").split(";")]
    options = {name.strip().lower(): value.strip() for name, equals, value in parts if equals}
    begin = "" if parts[0][1] else parts[0][0].strip().lower()
    if begin not in _ACCESS:
        return Link(next((kind for start, kind in _KINDS if begin.startswith(start)), "the data of another program"))
    # Windows' rules take either slash; so do ours, wherever we run.
    file = PureWindowsPath(database or options.get("database", "")).name
    if not file or not table:
        return Link("another Access file, which it does not name")
    return Link("an Access file", file, table, options.get("pwd") or None)


def _short(text: str | None) -> str:
    return text[:_SHOWN_CHARACTERS] if text else ""
