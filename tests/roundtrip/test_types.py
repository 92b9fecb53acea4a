"""Every type of the wire, through COPY in both forms and back by SELECT: equal, whatever the value."""

# ruff: noqa: DTZ001, DTZ901  (a timestamp without a zone has none)

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from decimal import Context, Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import Column, SqlType, Table
from pipeline.postgres import ddl
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.copy import copy_in
from pipeline.postgres.sql import SQL, Identifier, relation
from pipeline.postgres.wire import CopyEncoder, frame_dtype

_EXACT = Context(prec=40)
NASTY = [
    "",
    " ",
    "\\N",
    "\\.",
    "\n\\.\n",
    '"',
    '""',
    "''",
    ",",
    "a\r\nb",
    "\t",
    "한글 품목",
    "😀",
    "NULL",
    "\\x00",
    "\ufeff",
    "{%s}",
]
TEXT = st.sampled_from(NASTY) | st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))


def integers(bits: int) -> st.SearchStrategy[int]:
    low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    return st.sampled_from([low, -1, 0, 1, high]) | st.integers(low, high)


def decimals(precision: int, scale: int) -> st.SearchStrategy[Decimal]:
    most = 10**precision - 1
    unscaled = st.sampled_from([-most, -1, 0, 1, most]) | st.integers(-most, most)
    return unscaled.map(lambda n: Decimal(n).scaleb(-scale, _EXACT))


FLOATS = [0.0, -0.0, math.nan, math.inf, -math.inf]
MOMENTS = st.sampled_from([dt.datetime.min, dt.datetime.max, dt.datetime(100, 1, 1), dt.datetime(1899, 12, 30)])
VALUES: dict[str, st.SearchStrategy[object]] = {
    "smallint": integers(16),
    "integer": integers(32),
    "bigint": integers(64),
    "real": st.sampled_from([*FLOATS, 2.0**-149, 3.4028234663852886e38]) | st.floats(width=32),
    "double precision": st.sampled_from([*FLOATS, 5e-324, 1.7976931348623157e308]) | st.floats(),
    "numeric(19,4)": decimals(19, 4),
    "numeric(28,10)": decimals(28, 10),
    "numeric(38,0)": decimals(38, 0),
    "numeric(38,38)": decimals(38, 38),
    "boolean": st.booleans(),
    "text": TEXT,
    "varchar(5)": TEXT.map(lambda text: text[:5]),
    "json": TEXT.map(lambda text: json.dumps({"k": text}, ensure_ascii=False)),
    "jsonb": st.sampled_from(['{"k": "한글\\\\"}', "[1, null, true]", '"x"', "1.50"]),
    "bytea": st.binary(),
    "uuid": st.binary(min_size=16, max_size=16),
    "date": st.sampled_from([dt.date.min, dt.date.max, dt.date(100, 1, 1)]) | st.dates(),
    "time": st.sampled_from([dt.time.min, dt.time.max]) | st.times(),
    "timestamp": MOMENTS | st.datetimes(),
    "timestamp(6)": MOMENTS | st.datetimes(),
    "timestamptz": (MOMENTS | st.datetimes()).map(lambda moment: moment.replace(tzinfo=dt.UTC)),
}
# Beside a column of these the whole COPY is CSV: PostgreSQL reads them from text only.
TEXT_ONLY = {
    "inet": st.sampled_from(["10.0.0.1/32", "::1/128"]),
    "interval": st.just("1 day"),
    "numeric": st.just("1.50"),
}
# The driver would parse these into something else, or reads a real's shortest text as a double.
SHOWN = dict.fromkeys(("json", "jsonb", *TEXT_ONLY), "{}::text") | {"real": "{}::float8"}


def table_of(types: list[str]) -> Table:
    return Table("t", tuple(Column(f"c {i}%", SqlType.parse(type)) for i, type in enumerate(types)), "public")


def comparable(value: object) -> object:
    """Equal only for the same value: NaN equals NaN, and -0.0 is not 0.0."""
    if isinstance(value, uuid.UUID):
        return value.bytes
    return repr(value) if isinstance(value, float) else value


@pytest.mark.parametrize("also", [None, *TEXT_ONLY])
def test_every_value_comes_back(database: Target, also: str | None) -> None:
    strategies = VALUES | ({also: TEXT_ONLY[also]} if also else {})
    table = table_of([*strategies])
    encoder = CopyEncoder(table)
    assert encoder.binary is (also is None)
    schema = {column.name: frame_dtype(column.type) for column in table.columns}
    row = st.tuples(*(st.none() | strategy for strategy in strategies.values()))
    shown = [SQL(SHOWN.get(type, "{}")) for type in strategies]

    with connect(database, application_name="t", autocommit=True) as connection:
        connection.execute(ddl.create_bare(table))
        names = [Identifier(name) for name in table.column_names]
        columns = SQL(", ").join(form.format(name) for form, name in zip(shown, names, strict=True))
        select = SQL("select {} from {} order by ctid").format(columns, relation(table))

        @settings(max_examples=150 if also is None else 30)
        @given(st.lists(row, min_size=1, max_size=4))
        def check(rows: list[tuple[object, ...]]) -> None:
            connection.execute(SQL("truncate {}").format(relation(table)))
            frame = pl.DataFrame(rows, schema=schema, orient="row")
            copy_in(connection, relation(table), encoder, encoder.encode(frame))
            found = connection.execute(select).fetchall()
            assert [[*map(comparable, r)] for r in found] == [[*map(comparable, r)] for r in rows]

        check()
