"""Options that make several PostgreSQL columns of one: what each column is called, and what it takes of the value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ColumnPart:
    step: str | None
    """The transform step that takes the part out of the value, in place of a converter; None takes all of it."""
    suffix: str = ""
    """Of the column's name; the first part goes by the name itself, and has the type and options of the mapping."""
    type: str = "text"


WHOLE = (ColumnPart(None),)
HYPERLINK = (
    ColumnPart("hyperlink_text"),
    ColumnPart("hyperlink_address", "_address"),
    ColumnPart("hyperlink_subaddress", "_subaddress"),
    ColumnPart("hyperlink_screen_tip", "_screen_tip"),
)
OFFSET = (ColumnPart(None), ColumnPart("offset", "_offset", "smallint"))
OLE = (
    ColumnPart("ole_data", type="bytea"),
    ColumnPart("ole_file_name", "_file_name"),
    ColumnPart("ole_class", "_class"),
)
