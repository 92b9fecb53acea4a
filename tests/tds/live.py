"""A database as `MssqlSource` meets it: its tables, what the server says of them, and a source that reads them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from pipeline.catalog import Catalog, Column, Index, IndexPart, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.engine.plan import make_plan
from pipeline.engine.run import Migration, Options
from pipeline.mapping import models
from pipeline.postgres.connect import Target
from pipeline.record import Run
from pipeline.sources.base import Source
from pipeline.sources.mssql.source import MssqlSource
from tests.tds.database import Database, ServedColumn, ServedTable
from tests.tds.drivers import address_of
from tests.tds.server import Server, serve
from tests.tds.sys_catalog import Said, answers, said, spelled
from tests.unit.engine.test_run import Silent

KOREAN = "Korean_Wansung_CI_AS"
Rows = Mapping[str, Sequence[Sequence[Any]]]


def table(name: str, columns: Mapping[str, str], *keys: tuple[str, ...]) -> Table:
    """A table of columns by their types, whose first key is its primary one; columns of keys are NOT NULL."""
    required = {column for key in keys for column in key}
    return Table(
        name,
        tuple(Column(column, SqlType.parse(type), nullable=column not in required) for column, type in columns.items()),
        indexes=tuple(
            Index(f"key_{at}", tuple(map(IndexPart, key)), unique=True, primary=not at) for at, key in enumerate(keys)
        ),
    )


def database(
    rows: Rows, *tables: Table, sorted_by: Mapping[str, tuple[str, ...]] | None = None, besides: Said | None = None
) -> Database:
    """Tables of the schema dbo with their rows, in the forms of `types`; `besides` are rows of other catalog views."""
    served = []
    for one in tables:
        columns = [ServedColumn(column.name, spelled(column.type), column.nullable) for column in one.columns]
        served.append(ServedTable("dbo", one.name, columns, rows[one.name], (sorted_by or {}).get(one.name, ())))
    views = said(Catalog(tables, {"collation": KOREAN}), code_page=949) | (besides or {})
    return Database("shop", KOREAN, served, answers(views))


@contextmanager
def live(rows: Rows, *tables: Table, **more: Any) -> Iterator[tuple[MssqlSource, Server]]:
    """An open source over a server of its own."""
    with serve(database(rows, *tables)) as server, MssqlSource(address_of(server, **more)) as source:
        yield source, server


def migration(
    source: Source,
    target: Target,
    *,
    schema: str = "public",
    batch_rows: int = 1000,
    amended: Callable[[models.Mapping], models.Mapping] = lambda mapping: mapping,
) -> Migration:
    """A run, the first into its schema, of the mapping that Naru drafts, as it is or amended."""
    catalog = source.catalog()
    dialect = sql_server(catalog.facts["collation"])
    mapping = amended(draft(catalog, dialect=dialect, schema=schema).mapping)
    digest = hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()
    run = Run(schema, "migrate", "shop", source.fingerprint().digest, digest, "0")
    return Migration(source, make_plan(catalog, mapping, dialect), target, run, Options(batch_rows), Silent())
