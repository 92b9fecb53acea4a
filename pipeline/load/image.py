"""What a merge takes away, changes and adds, kept beside the ledger: a later `rollback` puts it back.

Images are tables with the columns of the table itself, so that every value stands in them as it stood there.
"""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.catalog import Table
from pipeline.errors import TargetError
from pipeline.ledger.changes import Change, add_change, note_content, note_image, writers_of_batches
from pipeline.load.place import Place
from pipeline.postgres.connect import Connection
from pipeline.postgres.content import content, imprint
from pipeline.postgres.introspect import own_numbers, read_table
from pipeline.postgres.records import count_rows, one
from pipeline.postgres.sql import SQL, Composed, Identifier, columns, pairs, query, relation, text


@dataclass(frozen=True, slots=True)
class Image:
    """Of one merge that has begun. In the caller's transaction, as all that it does."""

    change: Change
    place: Place
    identity: tuple[str, ...]
    """Columns that tell a row from every other; where no key does all of them, as equal rows are as good as another."""
    content_before: str | None
    kept: bool = True
    """False where rules of the table keep PostgreSQL from telling which rows came: then nothing is taken back."""

    def adding(self, insert: Composed) -> Composed:
        """The insert, which notes what tells the rows that it adds; rows that it overwrites are in `before` already."""
        if not self.kept:
            return insert
        key = self.place.target.primary_key
        returned = dict.fromkeys((*self.identity, *(key if self.change.kind == "upsert" else ())))
        statement = SQL("with naru_written as ({} returning {}) insert into {} select {} from naru_written w").format(
            insert, columns(returned), relation(self.change.added), columns(self.identity, of="w")
        )
        if self.change.kind != "upsert":
            return statement
        overwritten = SQL(" where not exists (select from {} b where {})")
        return statement + overwritten.format(relation(self.change.before), pairs("b", key, "w", key))

    def finish(self, connection: Connection) -> None:
        if not self.kept:
            return
        counts = [count_rows(connection, relation(image)) for image in (self.change.added, self.change.before)]
        key = [*self.place.target.primary_key] if self.change.kind == "upsert" else []
        note_image(connection, self.change, key=key, added=counts[0], kept=counts[1], content=self.content_before)


def begin_image(connection: Connection, run_id: str, place: Place, load_mode: str) -> Image:
    """Before the first row of the table is deleted or overwritten; others then wait with their own writes."""
    target = place.target
    if load_mode != "append":  # an append may have no right to lock, and changes no row of others
        connection.execute(SQL("lock table {} in share row exclusive mode").format(relation(target)))
    standing = read_table(connection, target)
    assert standing is not None, "rows are merged into a table that stands"
    change = add_change(connection, run_id, load_mode, target.schema or "public", target.name)
    if one(connection, query("has_insert_rules"), {"relation": text(relation(target))}) == (True,):
        return Image(change, place, (), None, kept=False)
    identity = _identity(standing, target.primary_key if load_mode == "upsert" else None)
    before = content(connection, target)
    make = SQL("create table {} as select {} from {} t").format(
        relation(change.before), columns(standing.column_names, of="t"), relation(target)
    )
    connection.execute(make + _condition(place, load_mode))
    connection.execute(
        SQL("create table {} as select {} from {} t with no data").format(
            relation(change.added), columns(identity, of="t"), relation(target)
        )
    )
    return Image(change, place, identity, before)


def note_as_left(connection: Connection, place: Place) -> None:
    """Record what tells later whether others have written to a table that has just been settled."""
    target = place.target
    if place.staging is not None:
        left = content(connection, target)
    else:  # not read where the ledger knows it: what others may have written meanwhile is then told as well
        left = imprint(connection, target, writers_of_batches(connection, target))
    note_content(connection, target, left)


def is_as_left(connection: Connection, change: Change) -> bool:
    """Whether the table of a change is as its run left it; one that the run made is large, and was ours alone."""
    found = imprint(connection, change.table) if change.kind == "table" else content(connection, change.table)
    return found == change.content_after


def take_back_added(connection: Connection, change: Change) -> int:
    """Delete the rows that the change added, and return how many were found."""
    statement = SQL("delete from {} where (tableoid, ctid) in ({})")
    return connection.execute(statement.format(relation(change.table), added_rows(connection, change))).rowcount


def added_rows(connection: Connection, change: Change) -> Composed:
    """A query of the rows that the change added, by `tableoid` and `ctid`: of equal ones as many as came, the first.

    Raises TargetError where the columns that tell them are gone.
    """
    added, standing = _kept(connection, change.added), read_table(connection, change.table)
    assert standing is not None, "the table was there a moment ago"
    if gone := [name for name in added.column_names if name not in standing.column_names]:
        raise TargetError(
            f"{change.name} has no column {gone[0]} any more, by which the rows that came into it are told",
            hint="give the column its name back, or restore a backup",
        )
    said, of_added = (SQL("row({})::text").format(columns(added.column_names, of=of)) for of in ("t", "a"))
    return SQL(
        """select k.tableoid, k.ctid
        from (select t.tableoid, t.ctid, b.wanted,
                  row_number() over (partition by b.said order by t.tableoid, t.ctid) as place
              from {table} t
              join (select {of_added} as said, count(*) as wanted from {added} a group by 1) b on b.said = {said}) k
        where k.place <= k.wanted"""
    ).format(table=relation(change.table), said=said, of_added=of_added, added=relation(change.added))


def bring_back_kept(connection: Connection, change: Change) -> int:
    """Make the rows that the change deleted or overwrote what they were, and return how many; raises TargetError."""
    standing, kept = read_table(connection, change.table), _kept(connection, change.before)
    assert standing is not None, "the table was there a moment ago"
    # By force, others may have altered the table.
    written = [name for name in standing.written_names if name in kept.column_names]
    table, before = relation(change.table), relation(change.before)
    if change.kind == "replace":
        _check_no_heirs(connection, change)
        names = columns(written)
        insert = SQL("insert into {} ({}) overriding system value select {} from {}")
        return connection.execute(insert.format(table, names, names, before)).rowcount
    key = change.key_columns or []
    fixed = {*key, *own_numbers(connection, change.table)}
    rest = [name for name in written if name not in fixed]
    if change.kind == "append" or not rest:
        return 0
    changes = SQL(", ").join(SQL("{0} = b.{0}").format(Identifier(name)) for name in rest)
    statement = SQL("update {} t set {} from {} b where {}").format(table, changes, before, pairs("t", key, "b", key))
    return connection.execute(statement).rowcount


def _kept(connection: Connection, image: Table) -> Table:
    """One of a change's images; raises TargetError where somebody has dropped it, to save room or with a dump."""
    found = read_table(connection, image)
    if found is None:
        raise TargetError(f"{image.schema}.{image.name}, which a rollback needs, is gone", hint="restore a backup")
    return found


def _check_no_heirs(connection: Connection, change: Change) -> None:
    """Rows of a table that inherits from this one went with the others, and would come back in the wrong place."""
    if one(connection, query("has_heirs"), {"relation": text(relation(change.table))}) == (True,):
        raise TargetError(
            f"other tables inherit from {change.name}, and which of the replaced rows were theirs is not known",
            hint="restore a backup, or put the rows of " + change.before.name + " in schema _naru back by hand",
        )


def _condition(place: Place, load_mode: str) -> Composed:
    """Which of the rows that stand go or change."""
    if load_mode == "replace":
        return SQL("").format()
    if load_mode == "append":
        return SQL(" with no data").format()
    key = place.target.primary_key
    return SQL(" join {} s on {}").format(place.destination, pairs("t", key, "s", key))


def _identity(standing: Table, key: tuple[str, ...] | None) -> tuple[str, ...]:
    """Columns without NULLs that a key of the table is on, that by which an upsert finds rows alone; else all."""
    required = {column.name for column in standing.columns if not column.nullable}
    for index in standing.indexes:
        if index.tells_apart and {*index.columns} <= required and (key is None or {*index.columns} == {*key}):
            return index.columns
    return standing.column_names
