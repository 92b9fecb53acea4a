"""The one door to psycopg's composition: identifiers and values never meet as text.

Rooms above build statements from these names and do not import psycopg themselves.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import resources

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal

from pipeline.catalog import Table

__all__ = [
    "SQL",
    "Composable",
    "Composed",
    "Identifier",
    "Literal",
    "columns",
    "known",
    "pairs",
    "query",
    "relation",
    "text",
]


def relation(table: Table) -> Composable:
    """`"schema"."table"`."""
    return Identifier(table.schema, table.name) if table.schema else Identifier(table.name)


def columns(names: Iterable[str], *, of: str | None = None) -> Composed:
    """`"a", "b"`, or `t."a", t."b"` for an alias."""
    return SQL(", ").join(Identifier(of, name) if of else Identifier(name) for name in names)


def pairs(left: str, left_names: Iterable[str], right: str, right_names: Iterable[str]) -> Composed:
    """`l."a" = r."x" and l."b" = r."y"`."""
    return SQL(" and ").join(
        SQL("{} = {}").format(Identifier(left, a), Identifier(right, b))
        for a, b in zip(left_names, right_names, strict=True)
    )


def known(names: Iterable[str], *, of: str | None = None) -> Composed:
    """`"a" is not null and "b" is not null`: a key with a NULL in it equals no other."""
    return SQL(" and ").join(SQL("{} is not null").format(columns([name], of=of)) for name in names)


@cache
def query(name: str) -> SQL:
    """The statement of `queries/<name>.sql`."""
    text = resources.files(__package__).joinpath("queries", f"{name}.sql").read_text("utf-8")
    return SQL(text)


def text(statement: Composable) -> str:
    """A statement as text, for people to read: schema.sql and --dry-run, never for execution."""
    return statement.as_string(None)
