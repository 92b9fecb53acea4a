"""Values for people: as PostgreSQL spells them, never long, and with what was cut told."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal

import polars as pl
import pytest

from pipeline.transform.spelling import shown, spelled

MOMENT = dt.datetime(2024, 5, 2, 3, 4, 5)  # noqa: DTZ001


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ([MOMENT, MOMENT.replace(microsecond=120), MOMENT.replace(year=101)],
         ["2024-05-02 03:04:05", "2024-05-02 03:04:05.00012", "0101-05-02 03:04:05"]),
        ([MOMENT.replace(tzinfo=dt.UTC, microsecond=500_000)], ["2024-05-02 03:04:05.5+00"]),
        ([dt.time(1, 2, 3), dt.time(1, 2, 3, 7)], ["01:02:03", "01:02:03.000007"]),
        ([MOMENT.date()], ["2024-05-02"]),
        ([True, False], ["true", "false"]),
        ([Decimal("1.50")], ["1.50"]),
        ([b"\x00\xff", b""], ["\\x00ff", "\\x"]),
        ([b"\xab" * 101], ["\\x" + "ab" * 100 + "… (101 bytes)"]),
        (["한" * 200, "한" * 201], ["한" * 200, "한" * 200 + "… (201 characters)"]),
    ],
)  # fmt: skip
def test_each_type_has_one_spelling(values: list[object], texts: list[str]) -> None:
    assert spelled(pl.Series([*values, None])).to_list() == [*texts, None]


def test_a_uuid_and_ticks_are_told_by_their_form() -> None:
    number = uuid.uuid4()
    assert spelled(pl.Series([number.bytes, None]), "uuid").to_list() == [str(number), None]
    ticks = pl.Series([0, 621_355_968_000_000_001, 3_155_378_975_999_999_999, None])
    assert spelled(ticks, "ticks").to_list() == [
        "0001-01-01 00:00:00",
        "1970-01-01 00:00:00.0000001",
        "9999-12-31 23:59:59.9999999",
        None,
    ]
    assert spelled(pl.Series([0, 863_999_999_999]), "clock_ticks").to_list() == ["00:00:00", "23:59:59.9999999"]
    zoned = pl.Series([{"ticks": 621_355_968_000_000_000, "offset": minutes} for minutes in (0, -1, 840)] + [None])
    assert spelled(zoned, "zoned_ticks").to_list() == [
        "1970-01-01 00:00:00+00:00",
        "1969-12-31 23:59:00-00:01",
        "1970-01-01 14:00:00+14:00",
        None,
    ]


def test_one_value_is_shown_as_a_column_is() -> None:
    assert shown(None) == "null"
    assert shown("x" * 201) == spelled(pl.Series(["x" * 201]))[0]
    assert shown(b"\x00" * 101) == spelled(pl.Series([b"\x00" * 101]))[0]
