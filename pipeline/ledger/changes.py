"""What runs made or changed in the target besides the ledger, in order; written in the caller's transaction."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.catalog import Table
from pipeline.postgres.connect import Connection
from pipeline.postgres.records import one, records
from pipeline.postgres.sql import SQL, Composed, Identifier, Literal, query


@dataclass(frozen=True, slots=True)
class Change:
    change_id: int
    run_id: str
    kind: str
    """`schema` or `table`, which the run made, `view`, which it made anew, or the load mode of rows that it merged."""
    target_schema: str
    target_table: str | None
    key_columns: list[str] | None
    rows_added: int | None
    rows_kept: int | None
    content_before: str | None
    content_after: str | None
    imaged: bool
    rolled_back: bool

    @property
    def table(self) -> Table:
        return Table(self.target_table or "", (), self.target_schema)

    @property
    def name(self) -> str:
        return self.target_schema if self.target_table is None else f"{self.target_schema}.{self.target_table}"

    @property
    def before(self) -> Table:
        """Rows that the change deleted or overwrote, as they were."""
        return Table(f"before_{self.change_id}", (), "_naru")

    @property
    def added(self) -> Table:
        """What tells the rows that the change added: their key, or all of their columns."""
        return Table(f"added_{self.change_id}", (), "_naru")


def add_change(connection: Connection, run_id: str, kind: str, schema: str, table: str | None = None) -> Change:
    """Record a change that begins; the images of an earlier one of the same table are let go."""
    for earlier in changes_of_table(connection, schema, table):
        drop_images(connection, earlier)
    statement = """insert into _naru.change (run_id, kind, target_schema, target_table)
    values (%s, %s, %s, %s) returning change_id"""
    (change_id,) = one(connection, SQL(statement), [run_id, kind, schema, table])
    return Change(change_id, run_id, kind, schema, table, None, None, None, None, None, imaged=False, rolled_back=False)


def note_image(
    connection: Connection, change: Change, *, key: list[str], added: int, kept: int, content: str | None
) -> None:
    """Record that both images are there, how many rows each has, and what the table held before."""
    connection.execute(
        """update _naru.change set imaged = true, key_columns = %s, rows_added = %s, rows_kept = %s,
        content_before = %s where change_id = %s""",
        [key, added, kept, content, change.change_id],
    )


def note_content(connection: Connection, table: Table, content: str | None) -> None:
    """Record what a table holds at the end of its last change."""
    connection.execute(
        """update _naru.change set content_after = %s where change_id =
        (select max(change_id) from _naru.change where (target_schema, target_table) = (%s, %s))""",
        [content, table.schema, table.name],
    )


def writers_of_batches(connection: Connection, table: Table) -> Composed | None:
    """A query for the transactions that wrote the rows of a table that Naru made, and how many each did.

    A batch's row in the ledger is of the very transaction of the batch. None where that does not tell all: rows were
    tried one by one, each in a subtransaction of its own, or went again when the table was settled.
    """
    name = {"schema": table.schema, "table": table.name}
    if one(connection, query("refused_by_target"), name) == (True,):
        return None
    statement = """select xmin, sum(rows_loaded) from _naru.batch
    where (target_schema, target_table) = ({}, {}) and rows_loaded > 0 group by xmin"""
    return SQL(statement).format(Literal(table.schema), Literal(table.name))


def changes_of_run(connection: Connection, run_id: str) -> list[Change]:
    return records(connection, Change, query("changes"), {"run_id": run_id, "schema": None, "table": None})


def changes_of_table(connection: Connection, schema: str, table: str | None) -> list[Change]:
    return records(connection, Change, query("changes"), {"run_id": None, "schema": schema, "table": table})


def drop_images(connection: Connection, change: Change) -> None:
    if change.imaged:
        for image in (change.before, change.added):
            connection.execute(SQL("drop table if exists {}").format(Identifier("_naru", image.name)))
        connection.execute("update _naru.change set imaged = false where change_id = %s", [change.change_id])


def mark_rolled_back(connection: Connection, run_id: str, by: str) -> None:
    """The run and its loads stay in the ledger as what was taken back: no load of theirs is gone on with."""
    for table in ("run", "load"):
        connection.execute(
            SQL("update {} set rolled_back_by = %s where run_id = %s").format(Identifier("_naru", table)), [by, run_id]
        )
