"""Fixed-size values: exact, and a defect with its bytes where the type cannot hold what is stored."""

from __future__ import annotations

import struct
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.access.cells import scalars
from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.cells.values import Decoded
from pipeline.sources.access.pages.definition import ColumnDefinition
from pipeline.sources.access.pages.memory import Memory


def _column(precision: int = 0, scale: int = 0) -> ColumnDefinition:
    return ColumnDefinition("c", 0, 0, 0, 0, 0, precision, scale, 1, 0, 0)


def _decode(decode: scalars.Decoder, *values: bytes, column: ColumnDefinition | None = None) -> Decoded:
    size = len(values[0])
    start = np.arange(len(values), dtype=np.int64) * size
    slices = Slices(start, np.full(len(values), size), np.ones(len(values), bool))
    return decode(Memory(b"".join(values) + bytes(16)), slices, column or _column())


def _date(days: float) -> bytes:
    return struct.pack("<d", days)


def test_dates_before_1899_count_their_time_forward() -> None:
    decoded = _decode(scalars.date_time, *map(_date, (0.0, 1.5, -1.25, -0.5, -657434.75, 2958465.999)))
    assert decoded.values.to_pylist() == [
        datetime.fromisoformat(text)
        for text in (
            "1899-12-30",
            "1899-12-31T12:00",
            "1899-12-29T06:00",
            "1899-12-30T12:00",
            "0100-01-01T18:00",
            "9999-12-31T23:58:33.600",
        )
    ]


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (45000.5, "2023-03-15T12:00"),
        (45000 + 45296.123 / 86400, "2023-03-15T12:34:56.123"),
        (45000 + 45296.123456 / 86400, "2023-03-15T12:34:56.123456"),
        (0.1 + 0.2, "1899-12-30T07:12"),
        (45000.3 - 45000, "1899-12-30T07:12"),
        (0.5 + 250e-6 / 86400, "1899-12-30T12:00:00.000250"),
        (-1.25 - 250e-6 / 86400, "1899-12-29T06:00:00.000250"),
    ],
)
def test_dates_keep_a_finer_fraction_and_not_the_noise_of_a_double(days: float, expected: str) -> None:
    assert _decode(scalars.date_time, _date(days)).values.to_pylist() == [datetime.fromisoformat(expected)]


@pytest.mark.parametrize(
    "days", [float("nan"), float("inf"), -float("inf"), -657435.0, 2958466.0, 2958465.999999999, 1e300]
)
def test_dates_out_of_range_are_defects(days: float) -> None:
    decoded = _decode(scalars.date_time, _date(1.0), _date(days))
    assert decoded.values.to_pylist() == [datetime.fromisoformat("1899-12-31"), None]
    assert [(flaw.row, flaw.raw, flaw.replacement) for flaw in decoded.flaws] == [(1, _date(days), None)]


def test_currency_is_exact_over_its_whole_range() -> None:
    units = (0, 1, -1, 2**63 - 1, -(2**63), 10_000)
    decoded = _decode(scalars.currency, *(struct.pack("<q", unit) for unit in units))
    assert decoded.values.to_pylist() == [Decimal(unit).scaleb(-4) for unit in units]


def _stored_decimal(unscaled: int) -> bytes:
    words = struct.unpack(">4I", abs(unscaled).to_bytes(16, "big"))
    return bytes([0x80 if unscaled < 0 else 0]) + struct.pack("<4I", *words)


@given(st.lists(st.integers(1 - 10**28, 10**28 - 1), min_size=1), st.integers(0, 28))
def test_decimals_are_exact(unscaled: list[int], scale: int) -> None:
    decoded = _decode(scalars.decimal, *map(_stored_decimal, unscaled), column=_column(28, scale))
    assert [int(value.scaleb(scale)) for value in decoded.values.to_pylist()] == unscaled
    assert not decoded.flaws


def test_decimals_of_too_many_digits_are_defects() -> None:
    values = [_stored_decimal(n) for n in (999, 1000, -1000, 2**128 - 1)]
    decoded = _decode(scalars.decimal, *values, column=_column(3, 2))
    assert decoded.values.to_pylist() == [Decimal("9.99"), None, None, None]
    assert [flaw.raw for flaw in decoded.flaws] == values[1:]


def _extended(days: int, ticks: int, digits: int = 7) -> bytes:
    return f"{days:019d}:{ticks:019d}:{digits}\0".encode()


def test_extended_dates_are_ticks() -> None:
    decoded = _decode(scalars.extended_date, _extended(0, 1), _extended(3_652_058, 863_999_999_999))
    assert decoded.values.to_pylist() == [1, 3_652_059 * 864_000_000_000 - 1]


@pytest.mark.parametrize(
    "raw",
    [
        _extended(3_652_059, 0),
        _extended(0, 864_000_000_000),
        _extended(9_999_999_999_999_999_999, 0),
        _extended(0, 9_999_999_999_999_999_999),
        _extended(0, 0, 6),
        _extended(0, 0).replace(b":", b";", 1),
        _extended(0, 0).replace(b"0", b" ", 1),
        bytes(42),
        b"\xff" * 42,
    ],
)
def test_malformed_extended_dates_are_defects(raw: bytes) -> None:
    decoded = _decode(scalars.extended_date, _extended(1, 2), raw)
    assert decoded.values.to_pylist() == [864_000_000_002, None]
    assert [(flaw.row, flaw.raw) for flaw in decoded.flaws] == [(1, raw)]


def test_guids_are_in_rfc_order() -> None:
    value = UUID("00112233-4455-6677-8899-aabbccddeeff")
    assert _decode(scalars.guid, value.bytes_le).values.to_pylist() == [value.bytes]


def test_bytes_are_unsigned_and_other_integers_signed() -> None:
    assert _decode(scalars.byte, b"\xff", b"\x80").values.to_pylist() == [255, 128]
    assert _decode(scalars.integer, b"\xff\xff", b"\0\x80").values.to_pylist() == [-1, -(2**15)]
    assert _decode(scalars.long, b"\xff\xff\xff\xff", b"\0\0\0\x80").values.to_pylist() == [-1, -(2**31)]
    assert _decode(scalars.big_integer, b"\xff" * 8, bytes(7) + b"\x80").values.to_pylist() == [-1, -(2**63)]
