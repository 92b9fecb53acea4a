"""What `jsonb` would drop without a word, dropped here and told."""

from __future__ import annotations

import json

import polars as pl
import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.transform.jsonb import Kept


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ('{"a": 1, "a": 2.50}', '{"a": 2.50}'),
        ('[{"x": {"한": "\\u00e9", "한": [], "y": {}}}, "-0"]', '[{"x": {"한": [], "y": {}}}, "-0"]'),
        ("[-0, -0.00, -0e5, -0.01, 0]", "[0, 0.00, 0e5, -0.01, 0]"),
        ('{"a": 1, "\\u0061": 2}', '{"a": 2}'),
    ],
)  # fmt: skip
def test_of_equal_keys_the_last_stays_and_zero_has_no_sign(text: str, kept: str, database: Target) -> None:
    stepped = Kept()(pl.Series([None, text, "{}"]))
    assert stepped.values.to_list() == [None, kept, "{}"]
    assert stepped.lost is not None
    assert stepped.lost.to_list() == [False, True, False]
    with connect(database, application_name="t", autocommit=True) as connection:
        same = connection.execute("select %s::jsonb::text = %s::jsonb::text", [text, kept]).fetchone()
    assert same == (True,), "PostgreSQL would have kept something else"


@pytest.mark.parametrize(
    "text", ["", "{", "[" * 100_000, '{"a":' * 100_000, "1" * 5000, '{"b": 1,  "a": 1e400}', "NaN", '"\\ud800"']
)
def test_all_else_is_left_to_postgresql(text: str) -> None:
    assert Kept()(pl.Series([text])).values.to_list() == [text]
    assert Kept()(pl.Series([text])).lost is None


def test_a_value_is_written_as_it_was_read() -> None:
    value = {"s": 'q"\\\n\u2028한', "n": [1, 1.5, -3], "o": {"e": {}, "l": []}, "b": [True, False, None]}
    text = json.dumps(value)
    [kept] = Kept()(pl.Series([text.replace('"s"', '"n": 0, "s"', 1)])).values
    assert json.loads(kept) == value
