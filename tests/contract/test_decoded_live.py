"""Values that need a decoder of ours, from a server through the real driver into PostgreSQL."""

from __future__ import annotations

import datetime as dt
import struct

from pipeline.mapping.models import Mapping
from pipeline.postgres.connect import Target, connect
from tests.tds.live import live, migration, table
from tests.tds.types import Zoned
from tests.unit.load.walk import retyped

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


def with_offsets(mapping: Mapping) -> Mapping:
    for name in ("at", "tick"):
        mapping = retyped(mapping, "T", name, offset="keep")
    return mapping


def test_they_arrive_as_text_with_what_the_driver_would_lose(database: Target) -> None:
    with live({"T": GIVEN}, table("T", TYPES, ("id",))) as (source, _):
        migration(source, database, batch_rows=2, amended=with_offsets).execute()
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
