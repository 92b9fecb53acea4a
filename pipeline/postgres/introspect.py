"""What the target holds now, as a catalog: to compare with what a mapping wants."""

from __future__ import annotations

import re

from pipeline.catalog import Action, Column, ForeignKey, Identity, Index, IndexPart, SqlType, Table
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import query, relation, text

# format_type's spelling to the one that mappings use.
_SPELLINGS = {
    "character varying": "varchar",
    "character": "char",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
}
_ARGUMENTS = re.compile(r"([^(]+)\((-?\d+(?:,-?\d+)*)\)([^(]*)")
_ACTIONS = {"c": Action.CASCADE, "n": Action.SET_NULL}


def table_exists(connection: Connection, table: Table) -> bool:
    row = connection.execute("select to_regclass(%s) is not null", [_name(table)]).fetchone()
    return row == (True,)


def is_empty(connection: Connection, table: Table) -> bool:
    statement = query("is_empty").format(relation(table))
    return connection.execute(statement).fetchone() == (True,)


def table_names(connection: Connection, schema: str) -> list[str]:
    """Tables of a schema, sorted; empty where there is no such schema."""
    return [name for name, _ in connection.execute(query("tables"), {"schema": schema})]


def read_table(connection: Connection, table: Table) -> Table | None:
    """The table of that schema and name as it stands in the target; None where there is none.

    `ignore_nulls` marks any index on part of the rows, whatever its condition. Indexes on expressions are
    left out, and so are foreign keys to other schemas.
    """
    if not table_exists(connection, table):
        return None
    name = {"relation": _name(table)}
    columns = tuple(
        Column(
            column,
            _type(type_text),
            nullable=nullable,
            identity=Identity() if identity else None,
            default=default,
            comment=comment,
        )
        for column, type_text, nullable, identity, default, comment in connection.execute(query("columns"), name)
    )
    indexes = tuple(
        Index(
            index,
            tuple(IndexPart(c, descending=d) for c, d in zip(names, descending, strict=True)),
            unique=unique,
            primary=primary,
            ignore_nulls=partial,
        )
        for index, names, descending, unique, primary, partial, valid in connection.execute(query("indexes"), name)
        if valid and None not in names
    )
    foreign_keys = tuple(
        ForeignKey(
            key,
            tuple(names),
            parent,
            tuple(parent_names),
            on_update=_ACTIONS.get(on_update, Action.NO_ACTION),
            on_delete=_ACTIONS.get(on_delete, Action.NO_ACTION),
            enforced=validated,
        )
        for key, names, parent, parent_names, on_update, on_delete, validated in connection.execute(
            query("foreign_keys"), name
        )
    )
    return Table(table.name, columns, table.schema, indexes, foreign_keys)


def _name(table: Table) -> str:
    return text(relation(table))


def _type(spelled: str) -> SqlType:
    """`timestamp(6) without time zone` and `character varying(50)` as mappings write them.

    What has other arguments than numbers, `geometry(Point,4326)`, is a name as it stands.
    """
    match = _ARGUMENTS.fullmatch(spelled)
    if match is None:
        return SqlType(_SPELLINGS.get(spelled, spelled))
    name = match[1] + match[3]
    return SqlType(_SPELLINGS.get(name, name), tuple(map(int, match[2].split(","))))
