"""Whatever a value is, what was loaded compares equal, and two values that are not one never do."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.catalog import SqlType
from pipeline.postgres.connect import Target, connect
from pipeline.postgres.copy import copy_in
from pipeline.postgres.sql import SQL, relation
from pipeline.postgres.wire import CopyEncoder, frame_dtype
from pipeline.verify.spelling import source_spelling
from tests.roundtrip.test_types import TEXT_ONLY, VALUES, comparable
from tests.unit.verify.compared import filled, frame_of, subject_of, table_of, told

TYPES = VALUES | TEXT_ONLY | {"char(5)": st.text("a\u00a0 \t한", max_size=5)}
ROW = st.tuples(*(st.none() | strategy for strategy in TYPES.values()))


def test_what_was_loaded_compares_equal(database: Target) -> None:
    table = table_of({f"c {i}%": type for i, type in enumerate(TYPES)})
    encoder = CopyEncoder(table)
    with connect(database, application_name="t", autocommit=True) as connection:
        filled(connection, table, [])

        @settings(max_examples=100)
        @given(st.lists(ROW, max_size=4))
        def check(rows: list[tuple[object, ...]]) -> None:
            connection.execute(SQL("truncate {}").format(relation(table)))
            frame = frame_of(table, rows)
            copy_in(connection, relation(table), encoder, encoder.encode(frame))
            assert told(connection, subject_of(table, frame)) == []

        check()


@pytest.mark.parametrize("type", [type for type in VALUES if type not in ("jsonb", "json")])
def test_two_values_have_two_spellings(type: str) -> None:
    spell = source_spelling(SqlType.parse(type))
    assert spell

    @given(st.lists(VALUES[type], min_size=2, max_size=2))
    def check(pair: list[object]) -> None:
        one, other = spell(pl.Series("x", pair, frame_dtype(SqlType.parse(type))))
        assert (one == other) == (comparable(pair[0]) == comparable(pair[1]))

    check()
