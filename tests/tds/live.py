"""A database as `MssqlSource` meets it: its tables, what the server says of them, and a source that reads them."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from pipeline.catalog import Catalog, Column, Index, IndexPart, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import MSSQL
from pipeline.engine.plan import make_plan
from pipeline.engine.run import Migration, Options
from pipeline.outcome import Run
from pipeline.postgres.connect import Target
from pipeline.sources.base import Source
from pipeline.sources.mssql import MssqlSource
from pipeline.sources.mssql.address import Address
from pipeline.sources.mssql.consistency import IN_MEMORY, STATE
from pipeline.sources.mssql.schema.answers import statement
from tests.tds.database import Answer, Database, Result, ServedColumn, ServedTable
from tests.tds.server import Server, serve
from tests.tds.sys_catalog import COLUMNS, said, tuples
from tests.unit.engine.test_run import Silent

KOREAN = "Korean_Wansung_CI_AS"
Rows = Mapping[str, Sequence[Sequence[Any]]]
_UNBOUNDED = {"varchar", "nvarchar", "varbinary"}
_INT, _NAME = "int", "nvarchar(128)"


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


def database(rows: Rows, *tables: Table, sorted_by: Mapping[str, tuple[str, ...]] | None = None) -> Database:
    """Tables of the schema dbo with their rows, in the forms of `types`."""
    served = []
    for one in tables:
        order = (sorted_by or {}).get(one.name, ())
        served.append(ServedTable("dbo", one.name, [_served(column) for column in one.columns], rows[one.name], order))
    answers = _answers(Catalog(tables, {"collation": KOREAN, "database": "shop"}))
    return Database("shop", KOREAN, served, answers)


def address(server: Server, **more: Any) -> Address:
    host, port = server.address
    secret = SecretStr(server.password)
    return Address(host, port, "shop", server.user, secret, **{"trust_server_certificate": True, **more})


@contextmanager
def live(rows: Rows, *tables: Table, **more: Any) -> Iterator[tuple[MssqlSource, Server]]:
    """An open source over a server of its own."""
    with serve(database(rows, *tables)) as server, MssqlSource(address(server, **more)) as source:
        yield source, server


def odbc_drivers() -> dict[str, str | None]:
    """Drivers that are installed here, by a short name: paths for MSSQL_ODBC_DRIVER, and None for mssql-python."""
    found: dict[str, str | None] = {}
    if importlib.util.find_spec("mssql_python"):
        found["mssql-python"] = None
    if importlib.util.find_spec("pyodbc") and sys.platform == "linux":
        free = next(iter(sorted(Path("/usr/lib").glob("*/odbc/libtdsodbc.so"))), None)
        found |= {"freetds": str(free)} if free else {}
    return found


def migration(source: Source, target: Target, *, run_id: str = "1", batch_rows: int = 1000) -> Migration:
    """A run of the mapping that Naru drafts."""
    catalog = source.catalog()
    mapping = draft(catalog, dialect=MSSQL).mapping
    digest = hashlib.sha256(mapping.model_dump_json().encode()).hexdigest()
    run = Run(run_id, "migrate", "shop", source.fingerprint().digest, digest, "0")
    return Migration(source, make_plan(catalog, mapping, MSSQL), target, run, Options(batch_rows), Silent())


def _served(column: Column) -> ServedColumn:
    unbounded = column.type.name in _UNBOUNDED and not column.type.args
    return ServedColumn(column.name, f"{column.type}(max)" if unbounded else str(column.type), column.nullable)


def _answers(catalog: Catalog) -> dict[str, Answer]:
    answers: dict[str, Answer] = {
        statement(query): Result([ServedColumn(*it) for it in COLUMNS[query].items()], list(tuples(query, found)))
        for query, found in said(catalog, code_page=949).items()
    }
    identity = {"name": _NAME, "server": _NAME, "created": "nvarchar(30)", "code_page": _INT}
    answers[statement("identity")] = _row(identity, "shop", "tests", "2024-02-29T12:00:00.000", 949)
    answers[STATE] = _row(dict.fromkeys(("snapshots", "versions", "frozen", "origin"), _INT), 1, 0, 0, None)
    answers[IN_MEMORY] = Result([ServedColumn("name", _NAME)])
    return answers


def _row(columns: Mapping[str, str], *values: Any) -> Result:
    return Result([ServedColumn(*it) for it in columns.items()], [values])
