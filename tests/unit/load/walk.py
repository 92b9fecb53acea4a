"""The whole walk over small sources held in memory, for tests of its middle rooms."""

from __future__ import annotations

from collections.abc import Mapping as Mappings
from typing import Any

import polars as pl

from pipeline.catalog import Catalog, Check, Column, ForeignKey, Identity, Index, IndexPart, Notice, SqlType, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import Plan, make_plan
from pipeline.engine.run import Migration, Options
from pipeline.engine.summary import verify_plan
from pipeline.mapping.models import Mapping
from pipeline.outcome import Level
from pipeline.postgres import ddl
from pipeline.postgres.connect import Connection, Target, connect
from pipeline.record import Run
from tests.frames import FrameSource


class Silent:
    def table_begins(self, table: str, rows: int | None, already_read: int) -> None: ...
    def batch_committed(self, table: str, *, read: int, rejected: int, seconds: float) -> None: ...
    def table_ends(self, table: str) -> None: ...
    def settling(self) -> None: ...


def column(name: str, type: str = "Long", *, nullable: bool = True, identity: bool = False) -> Column:
    return Column(name, SqlType.parse(type), nullable=nullable, identity=Identity() if identity else None)


def key(*columns: str, primary: bool = True) -> Index:
    name = "PrimaryKey" if primary else "_".join(columns)
    return Index(name, tuple(map(IndexPart, columns)), unique=True, primary=primary)


def reference(columns: str, parent: str, parent_columns: str = "id", **actions: Any) -> ForeignKey:
    """`reference("a b", "parent", "x y")`."""
    name = f"{parent}_{columns}".replace(" ", "_")
    return ForeignKey(name, tuple(columns.split()), parent, tuple(parent_columns.split()), **actions)


def table(
    name: str,
    columns: tuple[Column, ...],
    *indexes: Index,
    references: tuple[ForeignKey, ...] = (),
    rules: Mappings[str, str] | None = None,
) -> Table:
    """`rules` are validation rules by column."""
    checks = tuple(Check(column, rule, (column,)) for column, rule in (rules or {}).items())
    return Table(name, columns, indexes=indexes, foreign_keys=references, checks=checks)


FRAME_TYPES = {"Long": pl.Int32(), "Memo": pl.String(), "Text": pl.String(), "Currency": pl.Decimal(19, 4)}


def source(rows: Mappings[Table, list[tuple[object, ...]]]) -> FrameSource:
    frames = {
        table.name: pl.DataFrame(
            found, schema={c.name: FRAME_TYPES[c.type.name] for c in table.columns}, orient="row", strict=True
        )
        for table, found in rows.items()
    }
    return FrameSource(Catalog(tuple(rows)), frames)


def mapping_of(source: FrameSource, tables: Mappings[str, Mappings[str, Any]] | None = None) -> Mapping:
    """The drafted mapping, names kept as they are, with fields of some tables set."""
    drafted = draft(source.catalog(), dialect=ACCESS).mapping
    edited = {
        name: mapped.model_copy(update=dict((tables or {}).get(name, {}))) for name, mapped in drafted.tables.items()
    }
    return drafted.model_copy(update={"tables": edited})


def retyped(mapping: Mapping, table: str, column: str, **fields: Any) -> Mapping:
    """The mapping with fields of one column set."""
    mapped = mapping.tables[table]
    columns = {**mapped.columns, column: mapped.columns[column].model_copy(update=fields)}
    tables = {**mapping.tables, table: mapped.model_copy(update={"columns": columns})}
    return mapping.model_copy(update={"tables": tables})


def plan_of(source: FrameSource, mapping: Mapping | None = None, only: tuple[str, ...] = ()) -> Plan:
    return make_plan(source.catalog(), mapping or mapping_of(source), ACCESS, only=only)


def migrate(
    source: FrameSource, plan: Plan, target: Target, *, run_id: str = "r1", batch_rows: int = 3, restart: bool = False
) -> tuple[Notice, ...]:
    fingerprint = source.fingerprint()
    run = Run(run_id, "migrate", "frames", fingerprint.digest, "m", "0")
    options = Options(batch_rows, restart=restart)
    return Migration(source, plan, target, run, options, Silent()).execute()


def findings(
    source: FrameSource, plan: Plan, target: Target, level: Level = Level.CONTENT
) -> list[tuple[str, str, str, int]]:
    with connect(target, application_name="t", autocommit=True) as connection:
        found = verify_plan(connection, plan, source, level=level)
    return [(f.verifier, f.table, f.subject, f.count) for f in found]


def make_by_hand(connection: Connection, plan: Plan) -> None:
    """What `python -m pipeline ddl` would print, applied."""
    for task in plan.tasks:
        connection.execute(ddl.create_complete(task.target))
    for task in plan.tasks:
        for statement in ddl.plain_indexes(task.target):
            connection.execute(statement)
    for task in plan.tasks:
        for foreign_key in task.target.foreign_keys:
            parent = plan.target.table(foreign_key.parent)
            connection.execute(ddl.add_foreign_key(task.target, foreign_key, parent))


def rows(connection: Connection, statement: str) -> list[tuple[Any, ...]]:
    return connection.execute(statement).fetchall()  # type: ignore[arg-type]


REJECTS = "select source_table, locator, reason from _naru.reject order by source_table, locator, reason"
