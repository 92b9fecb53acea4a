"""Rows of other tables that PostgreSQL would delete or change along with rows that we take out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from pipeline.catalog import Notice, Table
from pipeline.errors import TargetError
from pipeline.ledger.ledger import Ledger
from pipeline.postgres.connect import Connection
from pipeline.postgres.introspect import is_empty, read_table
from pipeline.postgres.sql import query, relation, text


def spare_children(connection: Connection, table: Table, why: str, *, going: Collection[str] = ()) -> None:
    """Raise TargetError where a foreign key would hand a delete on to rows of a table that is not `going` too."""
    name = {"relation": text(relation(table))}
    for key, schema, child in connection.execute(query("reacting_children"), name).fetchall():
        spared = schema != table.schema or child not in going
        if spared and not is_empty(connection, Table(child, (), schema)):
            raise TargetError(
                f"table {table.name} {why}, and by foreign key {key} rows of {child} would go or change with it",
                hint=f"migrate {child} in the same run, or drop that foreign key first",
            )


def unrelated_children(connection: Connection, tables: Iterable[Table], run: Collection[str]) -> Iterator[Notice]:
    """Relationships to tables of a run that tables of ours outside it lack: what is made again loses them."""
    ledger = Ledger(connection)
    for table in tables:
        load, found = ledger.load(table), read_table(connection, table)
        if table.name in run or found is None or load is None or load.staging is not None:
            continue
        standing = {key.name for key in found.foreign_keys}
        for key in table.foreign_keys:
            if key.parent in run and key.name not in standing:
                text = f"relationship {key.name} to {key.parent} is not built: run migrate again with {table.name} too"
                yield Notice(load.source_table, None, text)
