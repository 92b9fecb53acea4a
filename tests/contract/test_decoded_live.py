"""Values that need a decoder of ours, from a server through the real driver into PostgreSQL."""

from __future__ import annotations

import datetime as dt
import struct

from pipeline.catalog import Catalog, Column, Index, IndexPart, SqlType, Table
from pipeline.dialects.draft import draft
from pipeline.dialects.mssql import sql_server
from pipeline.engine.plan import make_plan
from pipeline.engine.run import Migration, Options
from pipeline.outcome import Run
from pipeline.postgres.connect import Target, connect
from pipeline.sources.mssql import MssqlSource
from tests.tds.database import Database, ServedColumn, ServedTable
from tests.tds.from_bacpac import address
from tests.tds.server import serve
from tests.tds.sys_catalog import answers, opening, said
from tests.tds.types import Zoned
from tests.unit.load.walk import Silent, retyped

COLLATION = "Korean_Wansung_CI_AS"
TYPES = {
    "id": "int",
    "node": "hierarchyid",
    "place": "geography",
    "plan": "geometry",
    "at": "datetimeoffset(7)",
    "tick": "datetimeoffset(3)",
}
TICKS = 638_502_048_000_000_000
SEOUL = bytes.fromhex("E6100000010C") + struct.pack("<dd", 37.5665, 126.978)
GIVEN = [
    (1, b"\x5a\xc0", SEOUL, SEOUL, Zoned(TICKS + 17, 540), Zoned(TICKS, -210)),
    (2, b"", None, None, None, None),
    (3, b"\x00", None, None, None, None),
]


def database_of(types: dict[str, str]) -> Database:
    columns = tuple(Column(name, SqlType.parse(type), nullable=name != "id") for name, type in types.items())
    key = Index("PK_T", (IndexPart("id"),), unique=True, primary=True)
    catalog = Catalog((Table("T", columns, "dbo", (key,)),), facts={"collation": COLLATION})
    shown = [ServedColumn(name, type, name != "id") for name, type in types.items()]
    asked = {**opening("shop"), **answers(said(catalog))}
    return Database("shop", COLLATION, [ServedTable("dbo", "T", shown, GIVEN)], asked)


def test_they_arrive_as_text_with_what_the_driver_would_lose(database: Target) -> None:
    with serve(database_of(TYPES)) as server, MssqlSource(address(server)) as live:
        catalog = live.catalog()
        dialect = sql_server(catalog.facts["collation"])
        mapping = draft(catalog, dialect=dialect).mapping
        for name in ("at", "tick"):
            mapping = retyped(mapping, "T", name, offset="keep")
        plan = make_plan(catalog, mapping, dialect)
        run = Run("r", "migrate", "", live.fingerprint().digest, "", "0")
        Migration(live, plan, database, run, Options(2), Silent()).execute()
    with connect(database, application_name="t", autocommit=True) as connection:
        found = connection.execute("select node, place, plan, at, at_offset, tick_offset from t order by id").fetchall()
        moment = dt.datetime(2024, 5, 2, 0, 0, 0, 1, tzinfo=dt.UTC)
        assert found == [
            ("/1/1/", "SRID=4326;POINT(126.978 37.5665)", "SRID=4326;POINT(37.5665 126.978)", moment, 540, -210),
            ("/", None, None, None, None, None),
        ]
        assert connection.execute("select reason, key::text from _naru.reject").fetchall() == [
            ("hierarchyid", '{"id": 3}')
        ]
        assert connection.execute("select rule, column_name from _naru.loss").fetchall() == [("seventh_digit", "at")]
