"""Rows of the target become what the source has: staged in temporary tables, then written by few statements.

Nothing that others have in the target is taken along, and nothing is done where PostgreSQL refuses a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import BinaryIO, Literal

import polars as pl

from pipeline.catalog import Column, SqlType, Table
from pipeline.errors import TargetError
from pipeline.load.deferral import deferred
from pipeline.load.place import ORDINAL, as_loaded
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.copy import RowsRefused, copy_in
from pipeline.postgres.copy_out import save_rows
from pipeline.postgres.introspect import immediate_keys, reacting_keys, read_table, referring_keys
from pipeline.postgres.records import one
from pipeline.postgres.savepoint import attempted
from pipeline.postgres.sql import SQL, Composable, Composed, Identifier, columns, pairs, relation, text
from pipeline.postgres.wire import CopyEncoder

_STANDING = (Column("tableoid_", SqlType("oid")), Column("ctid_", SqlType("tid")), Column(ORDINAL, SqlType("bigint")))
_FOUND = SQL("t.tableoid = s.tableoid_ and t.ctid = s.ctid_")
_EXTRA = SQL("s.{} is null").format(Identifier(ORDINAL))
_REWRITTEN = SQL("s.{} is not null").format(Identifier(ORDINAL))
_ALL = SQL("true")


@dataclass(frozen=True, slots=True)
class Staging:
    """Temporary tables of one target table: rows that are wanted, and rows that stand where they do not belong."""

    connection: Connection
    target: Table
    number: int
    """Tells its tables from those of others."""

    @property
    def wanted(self) -> Table:
        table = replace(self.target, name=f"naru_wanted_{self.number}", schema="pg_temp", columns=self.target.written)
        return as_loaded(table)

    @property
    def standing(self) -> Table:
        return Table(f"naru_standing_{self.number}", _STANDING, "pg_temp")

    def make(self) -> None:
        for table in (self.wanted, self.standing):
            self.connection.execute(ddl.create_bare(table))

    def drop(self) -> None:
        for table in (self.wanted, self.standing):
            self.connection.execute(SQL("drop table {}").format(relation(table)))

    def want(self, frame: pl.DataFrame, numbers: pl.Series) -> None:
        """Rows as the loader has them, each with its number; raises RowsRefused."""
        encoder = CopyEncoder(self.wanted)
        copy_in(self.connection, relation(self.wanted), encoder, encoder.encode(frame, numbers.alias(ORDINAL)))

    def stand(self, rows: pl.DataFrame) -> None:
        """`tableoid`, `ctid`, and the number of the wanted row in whose place each stands; none for an extra row."""
        encoder = CopyEncoder(self.standing)
        rows = rows.rename(dict(zip(rows.columns, encoder.table.column_names, strict=True)))
        copy_in(self.connection, relation(self.standing), encoder, encoder.encode(rows))


@dataclass(frozen=True, slots=True)
class Rewrite:
    """What is staged for one table, in numbers of rows; `changed` are the columns that differ in any rewritten one."""

    staging: Staging
    changed: Sequence[str]
    rewritten: int
    inserted: int
    deleted: int

    @property
    def target(self) -> Table:
        return self.staging.target

    @property
    def rows(self) -> int:
        return self.rewritten + self.inserted + self.deleted

    def save(self, file: BinaryIO) -> None:
        """The rows that go and those that come, before anything is done; the way back. Raises OSError."""
        names = self._kept()
        was = SQL(
            "select case when {extra} then 'deleted' else 'rewritten' end as _naru_repair, t.ctid::text as _naru_place,"
            " {names} from {target} t join {standing} s on {found}"
        ).format(names=columns(names, of="t"), extra=_EXTRA, found=_FOUND, **self._relations)
        ours = {*self.target.written_names}
        values = SQL(", ").join(Identifier("w", name) if name in ours else SQL("null") for name in names)
        comes = SQL("select 'inserted', null, {} from {} w where {}").format(
            values, self._relations["wanted"], self._missing
        )
        save_rows(self.staging.connection, was + SQL(" union all ") + comes, file)

    def _kept(self) -> list[str]:
        """Columns as the table has them: of a row that goes, those go too that others have added to it."""
        found = read_table(self.staging.connection, self.target)
        if found is None:
            raise TargetError(f"table {self.target.name} is gone", hint="somebody dropped it meanwhile; run again")
        return [column.name for column in found.columns if not column.generated]

    # -- the statements

    def update(self) -> None:
        """Columns that differ nowhere are not touched: a key that others refer to, an identity that takes no value."""
        if not self.rewritten:
            return
        assignments = SQL(", ").join(SQL("{0} = w.{0}").format(Identifier(name)) for name in self.changed)
        statement = SQL(
            "update {target} t set {assignments} from {standing} s join {wanted} w using ({ordinal}) where {found}"
        ).format(assignments=assignments, ordinal=Identifier(ORDINAL), found=_FOUND, **self._relations)
        self._do(statement, self.rewritten, "rewritten")

    def insert(self, *, all: bool) -> None:
        """What is missing, or `all` that is wanted."""
        rows = self.inserted + (self.rewritten if all else 0)
        if not rows:
            return
        names = self.target.written_names
        statement = SQL(
            "insert into {target} ({names}) overriding system value select {values} from {wanted} w where {which}"
            " order by {ordinal}"
        ).format(
            names=columns(names),
            values=columns(names, of="w"),
            which=SQL("true") if all else self._missing,
            ordinal=Identifier(ORDINAL),
            **self._relations,
        )
        self._do(statement, rows, "inserted")

    def delete(self, *, all: bool) -> None:
        """Extra rows, or `all` that stand in the place of others."""
        rows = self.deleted + (self.rewritten if all else 0)
        if rows:
            which = _FOUND if all else _FOUND + SQL(" and ") + _EXTRA
            statement = SQL("delete from {target} t using {standing} s where {which}")
            self._do(statement.format(which=which, **self._relations), rows, "deleted")

    @property
    def _relations(self) -> dict[str, Composable]:
        tables = {"target": self.target, "wanted": self.staging.wanted, "standing": self.staging.standing}
        return {name: relation(table) for name, table in tables.items()}

    @property
    def _missing(self) -> Composed:
        return SQL("not exists (select from {standing} s where s.{ordinal} = w.{ordinal})").format(
            standing=self._relations["standing"], ordinal=Identifier(ORDINAL)
        )

    def _do(self, statement: Composed, rows: int, what: str) -> None:
        done = self.staging.connection.execute(statement).rowcount
        if done != rows:
            raise TargetError(
                f"table {self.target.name}: {done:,} rows of {rows:,} were {what}",
                hint="look at the triggers and policies of that table: one keeps rows from being written",
            )


def rewrite(connection: Connection, tables: Sequence[Rewrite]) -> None:
    """Write all of it, or nothing and TargetError; tables come parents first. In the caller's transaction.

    Rows stay where they are if they can. Where a key or a relationship stands in the way of one statement after the
    other, as where two rows hold each other's value, the rows go and come again.
    """
    try:
        with attempted(connection):
            _in_place(connection, tables)
            connection.execute("set constraints all immediate")
        return
    except RowsRefused as refusal:
        first = refusal
    _spare_columns(connection, tables, first)
    try:
        with attempted(connection), deferred(connection, _immediate(connection, tables)):
            connection.execute("set constraints all deferred")
            _anew(connection, tables)
            connection.execute("set constraints all immediate")
    except RowsRefused as refusal:
        raise TargetError(
            f"the source's rows are refused: {first}; and when all of them are written anew: {refusal}",
            hint="look at the keys, relationships and checks of these tables: others hold rows that stand in the way",
        ) from refusal


def _in_place(connection: Connection, tables: Sequence[Rewrite]) -> None:
    """In the order in which relationships hold at each step."""
    for table in tables:
        table.insert(all=False)
    for table in reversed(tables):
        _spare_children(connection, table, "update", _REWRITTEN, {})
        table.update()
    _delete(connection, tables, all=False)


def _anew(connection: Connection, tables: Sequence[Rewrite]) -> None:
    _delete(connection, tables, all=True)
    for table in tables:
        table.insert(all=True)


def _delete(connection: Connection, tables: Sequence[Rewrite], *, all: bool) -> None:
    """Children first, and nothing else goes with them."""
    which = _ALL if all else _EXTRA
    going = _going(tables, which)
    for table in tables:
        _spare_heirs(connection, table, which)
        _spare_children(connection, table, "delete", which, going)
    for table in reversed(tables):
        table.delete(all=all)


def _immediate(connection: Connection, tables: Sequence[Rewrite]) -> list[tuple[Table, str]]:
    """Relationships of these tables, and to them, that are checked by each statement."""
    found: dict[tuple[str | None, str, str], tuple[Table, str]] = {}
    for table in (rewrite.target for rewrite in tables):
        own = [(table, key) for key in immediate_keys(connection, table)]
        to = [(child, key) for key, child in referring_keys(connection, table)]
        for child, key in own + [(child, key) for child, key in to if key in immediate_keys(connection, child)]:
            found[child.schema, child.name, key] = (child, key)
    return [*found.values()]


def _going(tables: Sequence[Rewrite], which: Composable) -> dict[tuple[str, str], Composed]:
    """By schema and table, the condition that a child `c` is deleted as well."""
    condition = SQL("exists (select from {standing} s where s.tableoid_ = c.tableoid and s.ctid_ = c.ctid and {which})")
    return {
        (table.target.schema or "public", table.target.name): condition.format(
            standing=relation(table.staging.standing), which=which
        )
        for table in tables
    }


def _spare_heirs(connection: Connection, table: Rewrite, which: Composable) -> None:
    """Raise TargetError where rows would go from tables that inherit from this one: those are not ours."""
    statement = SQL(
        "select c.relname, count(*) from {standing} s join pg_class c on c.oid = s.tableoid_"
        " where {which} and not c.relispartition and c.oid <> %s::regclass group by 1 order by 1"
    ).format(standing=relation(table.staging.standing), which=which)
    if found := connection.execute(statement, [text(relation(table.target))]).fetchone():
        heir, count = found
        raise TargetError(
            f"table {table.target.name}: {count:,} of its rows that would be deleted stand in {heir}, which inherits"
            " from it",
            hint=f"look at these rows of {heir}; `alter table ... no inherit` takes them out of {table.target.name}",
        )


def _spare_columns(connection: Connection, tables: Sequence[Rewrite], refusal: RowsRefused) -> None:
    """Raise TargetError where rows hold what others keep in columns of their own: it would not come again."""
    for table in tables:
        found = read_table(connection, table.target) if table.rewritten else None
        theirs = [column.name for column in (found.columns if found else ()) if not column.generated]
        if names := [name for name in theirs if name not in table.target.column_names]:
            raise TargetError(
                f"the source's rows are refused: {refusal}; and rows of table {table.target.name} cannot be written"
                f" anew: what stands in {', '.join(names)}, which the mapping does not name, would be lost",
                hint="drop the key or relationship that refuses them, repair, and add it again",
            )


def _spare_children(
    connection: Connection,
    table: Rewrite,
    event: Literal["delete", "update"],
    which: Composable,
    going: Mapping[tuple[str, str], Composed],
) -> None:
    """Raise TargetError where a foreign key would hand a delete or an update on to rows that are not `going`."""
    for key, names in reacting_keys(connection, table.target, event):
        if event == "update" and not {*names} & {*table.changed}:
            continue
        statement = SQL(
            "select count(*) from {child} c join {parent} t on {same} join {standing} s on {found}"
            " where {which} and not ({going})"
        ).format(
            child=relation(Table(key.child[1], (), key.child[0])),
            parent=relation(table.target),
            same=pairs("c", key.columns, "t", names),
            standing=relation(table.staging.standing),
            found=_FOUND,
            which=which,
            going=going.get(key.child, SQL("false")),
        )
        (spared,) = one(connection, statement)
        if spared:
            raise TargetError(
                f"table {table.target.name}: by foreign key {key.name}, {spared:,} rows of {key.child[1]} that are to"
                f" stay would go or change with rows that are {event}d",
                hint=f"drop that foreign key, repair, and add it again; or look at these rows of {key.child[1]}",
            )
