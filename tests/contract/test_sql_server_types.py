"""Values at the edges of each type, from a server to PostgreSQL, by every driver that is installed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.catalog import SqlType
from pipeline.dialects.mssql import MSSQL
from pipeline.postgres.connect import Target
from tests.contract.sql_server_types import COLUMNS, TABLE, TYPES, arrivals, document, served_rows
from tests.tds.drivers import odbc_driver
from tests.tds.edges import ticks
from tests.tds.live import live, table
from tests.tds.types import COLLATIONS, Variant, sql_type

_DOCUMENT = Path(__file__).parents[2] / "docs" / "sql-server-types.md"


@pytest.fixture(params=["mssql-python", "freetds"])
def driver(request: pytest.FixtureRequest) -> str | None:
    return odbc_driver(request.param)


def test_every_value_arrives_to_the_last_digit(database: Target, driver: str | None) -> None:
    with live({"edges": served_rows()}, TABLE, odbc_driver=driver) as (source, _):
        arrived = list(arrivals(source, database))
    wrong = [x for x in arrived if x.text != (x.edge.written if x.edge.arrived is None else x.edge.arrived)]
    assert wrong == []
    assert len(arrived) == sum(map(len, TYPES.values()))
    assert document(iter(arrived)) == _DOCUMENT.read_text("utf-8"), "run: make generated"


def test_frames_have_the_types_of_the_rules(driver: str | None) -> None:
    with live({"edges": served_rows()}, TABLE, odbc_driver=driver) as (source, _):
        (batch,) = source.batches("edges", batch_rows=100)
    assert batch.defects == ()
    expected = {name: MSSQL.rule(SqlType.parse(type)) for name, type in COLUMNS.items()}
    assert dict(batch.frame.schema) == {
        name: rule.dtype_for(SqlType.parse(COLUMNS[name])) for name, rule in expected.items() if rule
    }
    assert batch.frame.row(-1)[1:] == (None,) * len(TYPES)


def test_ticks_and_offsets_of_moments(driver: str | None) -> None:
    moments = table("moments", {"id": "int", "at": "datetime2(7)"}, ("id",))
    texts = ["0001-01-01 00:00:00.0000001", "1969-12-31 23:59:59.9999999", "2024-01-01 00:00:00.9999995"]
    with live({"moments": list(enumerate(map(ticks, texts)))}, moments, odbc_driver=driver) as (source, _):
        (batch,) = source.batches("moments", batch_rows=100)
    assert batch.frame["at"].to_list() == list(map(ticks, texts))


def test_a_text_in_a_variant_is_of_the_code_page_of_its_own_collation(driver: str | None) -> None:
    texts = {
        "Japanese_CI_AS": "日本ｱ",
        "Chinese_PRC_CI_AS": "中文",
        "Cyrillic_General_CI_AS": "Привет",
        "Latin1_General_100_CI_AS_SC_UTF8": "é가😀",
    }
    values: list[Any] = [Variant(sql_type("varchar(20)", COLLATIONS[name]), text) for name, text in texts.items()]
    values += [None, Variant(sql_type("char(4)"), b"\xb0\xa1\x80A")]
    variants = table("variants", {"id": "int", "v": "sql_variant"}, ("id",))
    with live({"variants": list(enumerate(values))}, variants, odbc_driver=driver) as (source, _):
        (batch,) = source.batches("variants", batch_rows=100)
    assert batch.frame["v"].dtype == pl.String
    expected = [f'{{"type": "varchar(20)", "value": "{text}"}}' for text in texts.values()]
    assert batch.frame["v"].to_list() == [*expected, None, None]
    (defect,) = batch.defects
    assert (defect.row, defect.column, defect.raw) == (5, "v", b"\xb0\xa1\x80A")
    assert defect.replacement == '{"type": "char(4)", "value": "가\ufffdA"}'
