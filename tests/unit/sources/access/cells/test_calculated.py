"""Envelopes of calculated values, made as Access makes them, and such as it never does."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import UnsupportedSource
from pipeline.sources.access.cells.calculated import decimal_text, unwrapped, yes_no
from pipeline.sources.access.cells.columns import check_decodable, type_of
from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.pages.definition import ColumnDefinition, TableDefinition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.memory import Memory
from pipeline.sources.access.schema.properties import Properties, Value
from pipeline.sources.access.schema.results import UNKNOWN_RESULT, with_results

INTEGER, CALCULATED = 3, 0xC0
COLUMN = ColumnDefinition("c", 0, INTEGER, 39, 0, 0, 9, 4, 2, CALCULATED, 0)
TABLE = TableDefinition("t", 5, 0, 0, 0, 1, 0, (COLUMN, replace(COLUMN, name="plain", number=1, extra_flags=0)), ())


def envelope(value: bytes, *, lead: bytes = bytes(16), length: int | None = None) -> bytes:
    return lead + struct.pack("<I", len(value) if length is None else length) + value + bytes(3)


def stored(*values: bytes | None) -> tuple[Memory, Slices]:
    """As the chunk of a column: one value after the other; None is NULL."""
    raw = [value or b"" for value in values]
    length = np.array([len(value) for value in raw], np.int64)
    memory = Memory(b"".join([*raw, bytes(16)]))
    return memory, Slices(np.cumsum(length) - length, length, np.array([value is not None for value in values]))


def test_a_value_lies_behind_the_header_and_an_empty_one_is_null() -> None:
    memory, slices = stored(envelope(b"abc"), None, envelope(b""))
    inner, flaws = unwrapped(memory, slices)
    assert not flaws
    assert inner.valid.tolist() == [True, False, False]
    assert memory.read(int(inner.start[0]), int(inner.length[0])) == b"abc"


@pytest.mark.parametrize(
    "raw",
    [b"", bytes(19), envelope(b"abc", lead=bytes(15) + b"\1"), envelope(b"abc", lead=b"\1" + bytes(15)),
     envelope(b"abc", length=7), envelope(b"abc", length=2**32 - 1)],
)  # fmt: skip
def test_what_is_no_envelope_is_a_flaw_and_its_neighbours_are_read(raw: bytes) -> None:
    memory, slices = stored(raw, envelope(b"\xff"), raw)
    inner, flaws = unwrapped(memory, slices)
    assert [(flaw.row, flaw.raw) for flaw in flaws] == [(0, raw), (2, raw)]
    assert inner.valid.tolist() == [False, True, False]
    assert yes_no(memory, inner, COLUMN).values.to_pylist() == [None, True, None]


@given(st.lists(st.one_of(st.none(), st.binary(max_size=40)), min_size=1))
def test_any_bytes_are_read_or_a_flaw(values: list[bytes | None]) -> None:
    memory, slices = stored(*values)
    inner, flaws = unwrapped(memory, slices)
    assert {flaw.row for flaw in flaws} | set(np.flatnonzero(inner.valid)) <= set(np.flatnonzero(slices.valid))
    assert ((inner.start + inner.length) <= slices.start + slices.length)[inner.valid].all()


def _decimal(whole: int, scale: int, sign: int) -> bytes:
    return struct.pack("<HBBIQ", 14, scale, sign, whole >> 64, whole & (1 << 64) - 1)


@given(st.integers(0, 2**96 - 1), st.integers(0, 28), st.sampled_from([0, 0x80]))
def test_decimals_keep_every_digit_and_their_scale(whole: int, scale: int, sign: int) -> None:
    memory, slices = stored(_decimal(whole, scale, sign))
    (text,) = decimal_text(memory, slices, COLUMN).values.to_pylist()
    digits = f"{whole:0{scale + 1}d}"
    assert text == ("-" if sign and whole else "") + (f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits)


@pytest.mark.parametrize(("scale", "sign"), [(29, 0), (0, 1)])
def test_a_decimal_of_an_impossible_form_is_a_flaw(scale: int, sign: int) -> None:
    decoded = decimal_text(*stored(_decimal(7, 1, 0), _decimal(7, scale, sign)), COLUMN)
    assert decoded.values.to_pylist() == ["0.7", None]
    assert [flaw.row for flaw in decoded.flaws] == [1]


def test_what_yields_nothing_known_is_not_read(opened: AccessFile) -> None:
    with pytest.raises(UnsupportedSource, match=r"'c': values of type Calculated are not read"):
        check_decodable(opened, TABLE, replace(COLUMN, type=UNKNOWN_RESULT))


@pytest.mark.parametrize(
    ("properties", "type"),
    [
        ({"Expression": "True", "ResultType": 1}, "YesNo"),
        ({"Expression": "[a]", "ResultType": 12}, "Memo"),
        ({"Expression": "[a]", "ResultType": 16}, "Decimal"),
        ({"Expression": "[a]", "ResultType": 10}, "Text"),
        ({"Expression": "[a]", "ResultType": 11}, "Calculated"),
        ({"Expression": "[a]", "ResultType": 99}, "Calculated"),
        ({"Expression": "[a]", "ResultType": "1"}, "Calculated"),
        ({"Expression": "[a]"}, "Calculated"),
        ({"ResultType": 1}, "Calculated"),
        ({}, "Calculated"),
    ],
)
def test_the_type_is_that_of_the_result(properties: dict[str, Value], type: str) -> None:
    """The number in the definition says Integer in each case."""
    calculated, plain = with_results(TABLE, Properties({}, {"c": properties, "plain": properties})).columns
    assert type_of(calculated, wide=True).name == type
    assert (calculated.type == UNKNOWN_RESULT) == (type == "Calculated")
    assert plain.type == INTEGER
