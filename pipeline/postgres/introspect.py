"""What the target holds now, as a catalog: to compare with what a mapping wants."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Literal

from pipeline.catalog import Action, Check, Column, ForeignKey, Identity, Index, IndexPart, Relationship, SqlType, Table
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
_KINDS = {
    "r": "table",
    "p": "table",
    "v": "view",
    "m": "materialized view",
    "f": "foreign table",
    "S": "sequence",
    "i": "index",
    "I": "index",
    "c": "composite type",
}
_ACTIONS = {"c": Action.CASCADE, "n": Action.SET_NULL}


def table_exists(connection: Connection, table: Table) -> bool:
    return relation_kind(connection, table) == "table"


def relation_kind(connection: Connection, table: Table) -> str | None:
    """What has the table's schema and name: `table`, `view`, `index`, ...; None where nothing has."""
    statement = "select relkind::text from pg_class where oid = to_regclass(%s)"
    row = connection.execute(statement, [_name(table)]).fetchone()
    return None if row is None else _KINDS.get(row[0], f"relation of kind {row[0]}")


def is_empty(connection: Connection, table: Table) -> bool:
    statement = query("is_empty").format(relation(table))
    return connection.execute(statement).fetchone() == (True,)


def schema_exists(connection: Connection, name: str) -> bool:
    """Asked before it is created: `create schema if not exists` wants a right that may be missing."""
    row = connection.execute("select to_regnamespace(quote_ident(%s)) is not null", [name]).fetchone()
    return row == (True,)


def may_read(connection: Connection, table: Table) -> bool:
    row = connection.execute("select has_table_privilege(%s, 'select')", [_name(table)]).fetchone()
    return row == (True,)


def table_names(connection: Connection, schema: str) -> list[str]:
    """Tables of a schema, sorted; empty where there is no such schema."""
    return [name for name, _ in connection.execute(query("tables"), {"schema": schema})]


def read_table(connection: Connection, table: Table) -> Table | None:
    """The table of that schema and name as it stands in the target; None where there is none.

    An index that ignores NULLs has that as its predicate. Indexes on expressions are left out, and so are foreign
    keys to other schemas.
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
            generated=generated,
        )
        for column, type_text, nullable, identity, default, generated, comment in connection.execute(
            query("columns"), name
        )
    )
    indexes = tuple(
        Index(
            index,
            tuple(IndexPart(c, descending=d) for c, d in zip(names, descending, strict=True)),
            unique=unique,
            primary=primary,
            included=tuple(included),
            predicate=predicate,
        )
        for index, names, descending, included, unique, primary, predicate, valid in connection.execute(
            query("indexes"), name
        )
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
    checks = tuple(
        Check(check, expression, tuple(names), enforced=validated)
        for check, expression, names, validated in connection.execute(query("checks"), name)
    )
    return Table(table.name, columns, table.schema, indexes, foreign_keys, checks=checks)


def own_numbers(connection: Connection, table: Table) -> set[str]:
    """Names of the identity columns that no update may give a value."""
    return _names(connection, table, "own_numbers")


def deferrable_indexes(connection: Connection, table: Table) -> set[str]:
    """Names of the unique indexes that may be checked late."""
    return _names(connection, table, "deferrable_indexes")


def immediate_keys(connection: Connection, table: Table) -> set[str]:
    """Names of the foreign keys that cannot be checked late, as long as nobody alters them."""
    return _names(connection, table, "immediate_keys")


def sleeping_keys(connection: Connection, table: Table) -> set[str]:
    """Names of the foreign keys that hold no row to anything as long as triggers are disabled."""
    return _names(connection, table, "sleeping_keys")


def referring_keys(connection: Connection, table: Table) -> list[tuple[str, Table]]:
    """Foreign keys on the table by name, each with the other table that holds it; columns are left out."""
    found = connection.execute(query("referring_keys"), {"relation": _name(table)})
    return [(key, Table(child, (), schema)) for key, schema, child in found]


def reacting_keys(
    connection: Connection, table: Table, event: Literal["delete", "update"]
) -> list[tuple[Relationship, tuple[str, ...]]]:
    """Foreign keys by which rows go or change with rows of the table, each with the table's columns that it names."""
    found = connection.execute(query("reacting_keys"), {"relation": _name(table), "event": event})
    parent = (table.schema or "public", table.name)
    return [
        (Relationship(key, (schema, child), parent, tuple(names)), tuple(parent_names))
        for key, schema, child, names, parent_names in found
    ]


def relationships(connection: Connection, schemas: Collection[str]) -> list[Relationship]:
    """Every foreign key between tables of these schemas, by child and name."""
    return [
        Relationship(name, (child_schema, child), (parent_schema, parent), tuple(columns))
        for name, child_schema, child, parent_schema, parent, columns in connection.execute(
            query("relationships"), {"schemas": [*schemas]}
        )
    ]


def dependent_views(connection: Connection, table: Table) -> list[Table]:
    """Views over the table or view, and the views over those; columns are left out."""
    found = connection.execute(query("dependent_views"), {"relation": _name(table)})
    return [Table(name, (), schema) for schema, name in found]


def view_definition(connection: Connection, view: Table) -> str | None:
    """What PostgreSQL says of a view, the same whatever the search path; None where there is no such view."""
    if relation_kind(connection, view) != "view":
        return None
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = ''")
        row = connection.execute("select pg_get_viewdef(to_regclass(%s))", [_name(view)]).fetchone()
    return None if row is None else row[0]


def _names(connection: Connection, table: Table, of: str) -> set[str]:
    return {name for (name,) in connection.execute(query(of), {"relation": _name(table)})}


def _name(table: Table) -> str:
    return text(relation(table))


def _type(spelled: str) -> SqlType:
    """`timestamp(6) without time zone` and `character varying(50)` as mappings write them.

    What has other arguments than numbers, `geometry(Point,4326)`, is a name as it stands.
    """
    if spelled.endswith("[]"):
        element = _type(spelled.removesuffix("[]"))
        return SqlType(f"{element.name}[]", element.args)
    match = _ARGUMENTS.fullmatch(spelled)
    if match is None:
        return SqlType(_SPELLINGS.get(spelled, spelled))
    name = match[1] + match[3]
    return SqlType(_SPELLINGS.get(name, name), tuple(map(int, match[2].split(","))))
