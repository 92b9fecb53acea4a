"""Rows that arrived and would break a constraint: found by query, moved to the quarantine, never lost.

Each function moves the rows of one kind out of the destination and returns how many. They run
before the constraint is built, inside the transaction that builds it.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.catalog import ForeignKey, Table
from pipeline.load.place import Place
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, Composable, Composed, Literal, columns, pairs, relation


def move_nulls(connection: Connection, run_id: str, place: Place, source: str, required: Sequence[str]) -> int:
    """Rows with NULL in a required column."""
    if not required:
        return 0
    where = SQL(" or ").join(SQL("{} is null").format(columns([name])) for name in required)
    bad = SQL("select ctid from {} where {}").format(place.destination, where)
    detail = f"NULL in one of the required columns {', '.join(required)}"
    return _move(connection, run_id, place, source, bad, "null_in_required", detail)


def move_duplicates(connection: Connection, run_id: str, place: Place, source: str, key: Sequence[str]) -> int:
    """All but the first row, in source order, of those that share a key; NULLs are never equal."""
    names = columns(key)
    bad = SQL(
        """select ctid from (
            select ctid, row_number() over (partition by {names} order by {order}) as place
            from {table} where ({names}) in (
                select {names} from {table} where {known} group by {names} having count(*) > 1)
        ) as ranked where place > 1"""
    ).format(names=names, order=place.order, table=place.destination, known=_known(key))
    detail = f"another row came first with the same {', '.join(key)}"
    return _move(connection, run_id, place, source, bad, "duplicate_key", detail)


def move_conflicts(connection: Connection, run_id: str, place: Place, source: str, key: Sequence[str]) -> int:
    """Staged rows whose key the target already holds."""
    bad = SQL("select s.ctid from {} s join {} t on {}").format(
        place.destination, relation(place.target), pairs("s", key, "t", key)
    )
    detail = f"the target already holds a row with the same {', '.join(key)}"
    return _move(connection, run_id, place, source, bad, "key_exists", detail)


def move_orphans(
    connection: Connection, run_id: str, place: Place, source: str, key: ForeignKey, parents: Sequence[Composable]
) -> int:
    """Rows whose parent is in none of the relations that may hold it."""
    found = SQL(" or ").join(
        SQL("exists (select from {} p where {})").format(parent, pairs("p", key.parent_columns, "c", key.columns))
        for parent in parents
    )
    bad = SQL("select ctid from {} c where {} and not ({})").format(
        place.destination, _known(key.columns, of="c"), found
    )
    detail = f"no row of {key.parent} has the {', '.join(key.parent_columns)} that {', '.join(key.columns)} names"
    return _move(connection, run_id, place, source, bad, "orphan", f"{key.name}: {detail}")


def _known(names: Sequence[str], *, of: str | None = None) -> Composed:
    return SQL(" and ").join(SQL("{} is not null").format(columns([name], of=of)) for name in names)


def _move(
    connection: Connection, run_id: str, place: Place, source: str, bad: Composable, reason: str, detail: str
) -> int:
    target = place.target
    key = SQL(", ").join(
        SQL("{}, to_json(bad.{})").format(Literal(name), columns([name])) for name in target.primary_key
    )
    statement = SQL(
        """with bad as (delete from {destination} where ctid = any(array({bad})) returning *, {order} as _naru_order)
        insert into _naru.reject
            (run_id, target_schema, target_table, source_table, stage, reason, detail, key, row_values)
        select {run}, {schema}, {name}, {source}, 'constraint', {reason}, {detail},
               json_build_object({key}), {row}
        from bad order by _naru_order"""
    ).format(
        destination=place.destination,
        bad=bad,
        run=Literal(run_id),
        schema=Literal(target.schema),
        name=Literal(target.name),
        source=Literal(source),
        reason=Literal(reason),
        detail=Literal(detail),
        key=key,
        row=_row_json(place.target),
        order=place.order,
    )
    return connection.execute(statement).rowcount


def _row_json(target: Table) -> Composed:
    """The target's columns only: a staging table's ordinal is none of the row's values."""
    return SQL("(select to_json(r) from (select {}) r)").format(columns(target.column_names, of="bad"))
