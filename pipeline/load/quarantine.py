"""Rows that arrived and would break a constraint: found by query, moved to the quarantine, never lost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.catalog import Check, ForeignKey
from pipeline.ledger.ledger import Ledger
from pipeline.load.children import spare_children
from pipeline.load.place import ORDINAL, Place
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection
from pipeline.postgres.sql import SQL, Composable, Composed, Identifier, Literal, columns, known, pairs, relation

Admit = Callable[[str, int, str], None]
"""Is told table, number and reason of refused rows, and stops the run by raising."""


@dataclass(frozen=True, slots=True)
class Quarantine:
    """Moves rows of one table out of its destination, in the transaction that builds the constraint.

    Each method moves the rows of one kind and returns how many.
    """

    connection: Connection
    run_id: str
    source: str
    place: Place
    admit: Admit
    fresh: bool = True
    """Whether the rows still have their locators: the column goes when a table is settled."""

    def nulls(self, required: Sequence[str]) -> int:
        """Rows with NULL in a required column."""
        if not required:
            return 0
        where = SQL(" or ").join(SQL("{} is null").format(columns([name])) for name in required)
        bad = SQL("select ctid from {} where {}").format(self.place.destination, where)
        return self._move(bad, "null_in_required", f"NULL in one of the required columns {', '.join(required)}")

    def breakers(self, check: Check) -> int:
        """Rows for which a check is false; NULL passes, as it does in PostgreSQL."""
        bad = SQL("select ctid from {} where not ({})").format(self.place.destination, ddl.condition(check.expression))
        return self._move(bad, "check_violation", f"the row breaks {check.name}: {check.expression}")

    def duplicates(self, key: Sequence[str], *, among: str | None = None) -> int:
        """All but the first row, in source order, of those that share a key; NULLs are never equal.

        `among` is the condition of the rows that are compared.
        """
        bad = SQL(
            """select ctid from (
                select ctid, row_number() over (partition by {names} order by {order}) as place
                from {table} where ({among}) and ({names}) in (
                    select {names} from {table} where {known} and ({among}) group by {names} having count(*) > 1)
            ) as ranked where place > 1"""
        ).format(
            names=columns(key),
            order=Identifier(ORDINAL),
            table=self.place.destination,
            known=known(key),
            among=ddl.condition(among or "true"),
        )
        return self._move(bad, "duplicate_key", f"another row came first with the same {_shown(key, among)}")

    def conflicts(self, key: Sequence[str], *, among: str | None = None, same_row: Sequence[str] = ()) -> int:
        """Staged rows whose key another row of the target holds; rows equal in `same_row` are one row.

        `among` is the condition of the rows that are compared, on both sides.
        """
        other = SQL(" and not ({})").format(pairs("s", same_row, "t", same_row)) if same_row else SQL("")
        bad = SQL(
            "select s.ctid from (select ctid, * from {staged} where ({among})) s"
            " join (select * from {table} where ({among})) t on {same}{other}"
        ).format(
            staged=self.place.destination,
            table=relation(self.place.target),
            among=ddl.condition(among or "true"),
            same=pairs("s", key, "t", key),
            other=other,
        )
        return self._move(bad, "key_exists", f"the target already holds a row with the same {_shown(key, among)}")

    def orphans(self, key: ForeignKey, parents: Sequence[Composable]) -> int:
        """Rows whose parent is in none of the relations that may hold it."""
        found = SQL(" or ").join(
            SQL("exists (select from {} p where {})").format(parent, pairs("p", key.parent_columns, "c", key.columns))
            for parent in parents
        )
        bad = SQL("select ctid from {} c where {} and not ({})").format(
            self.place.destination, known(key.columns, of="c"), found
        )
        if not self.fresh and self._any(bad):
            spare_children(self.connection, self.place.target, "holds orphans")
        wanted = f"no row of {key.parent} has the {', '.join(key.parent_columns)} that {', '.join(key.columns)} names"
        return self._move(bad, "orphan", f"{key.name}: {wanted}")

    def refused(self, locators: Sequence[int], reason: str, detail: str) -> int:
        """Rows that PostgreSQL refused one by one; `admit` has been told of them."""
        bad = SQL("select ctid from {} where {} = any({}::bigint[])").format(
            self.place.destination, Identifier(ORDINAL), Literal(list(locators))
        )
        return self._take_out(bad, reason, detail)

    def _any(self, rows: Composed) -> bool:
        return self.connection.execute(SQL("select exists ({})").format(rows)).fetchone() == (True,)

    def _move(self, bad: Composable, reason: str, detail: str) -> int:
        moved = self._take_out(bad, reason, detail)
        if moved:
            self.admit(self.source, moved, f"{reason}: {detail}")
        return moved

    def _take_out(self, bad: Composable, reason: str, detail: str) -> int:
        target = self.place.target
        key = SQL(", ").join(
            SQL("{}::text, to_json(bad.{})").format(Literal(name), columns([name])) for name in target.primary_key
        )
        # The columns that were written only: neither the locator nor what PostgreSQL computes was in the source.
        row = SQL("(select to_json(r) from (select {}) r)").format(columns(target.written_names, of="bad"))
        statement = SQL(
            """with bad as (
                delete from {destination} where ctid = any(array({bad})) returning *)
            insert into _naru.reject
                (run_id, target_schema, target_table, source_table, locator, stage, reason, detail, key, row_values)
            select {run}, {schema}, {name}, {source}, {locator}, 'constraint', {reason}, {detail},
                json_build_object({key}), {row}
            from bad order by {locator}"""
        ).format(
            destination=self.place.destination,
            bad=bad,
            locator=Identifier("bad", ORDINAL) if self.fresh else SQL("null::bigint"),
            run=Literal(self.run_id),
            schema=Literal(target.schema),
            name=Literal(target.name),
            source=Literal(self.source),
            reason=Literal(reason),
            detail=Literal(detail),
            key=key,
            row=row,
        )
        moved = self.connection.execute(statement).rowcount
        Ledger(self.connection).count_rejects(target, moved)
        return moved


def _shown(key: Sequence[str], among: str | None) -> str:
    return ", ".join(key) + (f", among those with {among}" if among else "")
