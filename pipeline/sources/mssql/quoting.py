"""Names and texts inside of a statement of T-SQL."""

from __future__ import annotations

from pipeline.errors import SourceError

_LONGEST_NAME = 128


def bracketed(name: str) -> str:
    """A name as a delimited identifier; raises SourceError for one that SQL Server cannot hold."""
    if not 0 < len(name) <= _LONGEST_NAME or "\0" in name:
        raise SourceError(f"{name[:_LONGEST_NAME]!r} cannot be a name in sql server")
    return "[" + name.replace("]", "]]") + "]"


def literal(text: str) -> str:
    """A text as a constant of type nvarchar."""
    return "N'" + text.replace("'", "''") + "'"
