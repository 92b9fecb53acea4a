"""Row values as JSON: each comes back as it was, and PostgreSQL's json type takes the text."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.batch import Defect
from pipeline.ledger import values
from pipeline.postgres.connect import Connection

TEXT = st.text() | st.sampled_from(["\0", "한글\0", "\ud83d", "$bytes", "\\u0000"])
DEFECTS = st.builds(
    Defect,
    st.integers(0, 10**6),
    TEXT,
    TEXT,
    st.binary(),
    st.none() | TEXT | st.just("\ufffd lone \ud83d surrogate"),
    st.booleans(),
)
CELLS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | TEXT
    | st.binary()
    | st.dates()
    | st.times()
    | st.datetimes()
    | st.datetimes(timezones=st.just(dt.UTC))
    | DEFECTS
)
NAMES = TEXT | st.sampled_from(["$bytes", "$decimal", "$defect", "$float", "$date"])


def same(value: object, other: object) -> bool:
    if isinstance(value, float) and isinstance(other, float):
        return repr(value) == repr(other)  # NaN is NaN, and -0.0 is not 0.0
    return type(value) is type(other) and value == other


def test_every_row_comes_back_and_postgresql_keeps_its_text(connection: Connection) -> None:
    @settings(max_examples=300)
    @given(st.dictionaries(NAMES, CELLS, max_size=3))
    def check(row: dict[str, object]) -> None:
        text = values.dumps(row)
        assert text.isascii()
        stored = connection.execute("select %s::json::text", [text]).fetchone()
        assert stored == (text,)
        back = values.loads(text)
        assert [*back] == [*row]
        assert all(same(value, back[name]) for name, value in row.items())

    check()


def test_what_cannot_come_back_is_not_stored() -> None:
    with pytest.raises(TypeError, match="complex"):
        values.dumps({"a": 1j})


def test_a_row_that_postgresql_wrote_holds_no_tags_and_exact_numbers() -> None:
    row = {"a": {"$date": "no date"}, "b": None}
    assert values.loads_arrived(json.dumps(row)) == row
    assert values.loads_arrived('{"n": 1.10000000000000000001}') == {"n": Decimal("1.10000000000000000001")}
