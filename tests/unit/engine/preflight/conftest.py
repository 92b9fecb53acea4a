from __future__ import annotations

from collections.abc import Iterator

import polars as pl
import pytest
from psycopg import sql
from pydantic import SecretStr

from pipeline.batch import Fingerprint
from pipeline.catalog import Catalog, Column, Index, IndexPart, SqlType, Table
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import make_plan
from pipeline.engine.preflight.target import Coming
from pipeline.postgres.connect import Connection, Target, connect
from tests.frames import FrameSource

GOODS = Table(
    "Goods",
    (Column("ID", SqlType("Long"), nullable=False), Column("Name", SqlType("Text", (20,)))),
    indexes=(Index("PrimaryKey", (IndexPart("ID"),), unique=True, primary=True),),
)


@pytest.fixture
def coming() -> Coming:
    """One table, `goods`, for the schema `public`."""
    catalog = Catalog((GOODS,))
    source = FrameSource(catalog, {"Goods": pl.DataFrame(schema={"ID": pl.Int32, "Name": pl.String})})
    plan = make_plan(source.catalog(), draft(catalog, dialect=ACCESS).mapping, ACCESS)
    return Coming(plan, Fingerprint("frames", "x", 1))


@pytest.fixture
def session(database: Target) -> Iterator[Connection]:
    """As the administrator."""
    with connect(database, application_name="t", autocommit=True) as connection:
        yield connection


@pytest.fixture
def clerk(database: Target, session: Connection) -> Iterator[Target]:
    """A role that may log in, and nothing else."""
    name = f"clerk {database.database}"
    session.execute(sql.SQL("create role {} login password 'p'").format(sql.Identifier(name)))
    yield Target(database.host, database.port, name, database.database, SecretStr("p"), database.parameters)
    session.execute(sql.SQL("drop owned by {} cascade").format(sql.Identifier(name)))
    session.execute(sql.SQL("drop role {}").format(sql.Identifier(name)))


@pytest.fixture
def as_clerk(clerk: Target) -> Iterator[Connection]:
    with connect(clerk, application_name="t", autocommit=True) as connection:
        yield connection
