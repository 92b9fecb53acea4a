"""Calls that the drivers make only in ways that these tests do not, from bytes made here."""

from __future__ import annotations

import struct

import pytest

from tests.tds.requests import Prepared
from tests.tds.tokens import ServerError
from tests.tds.types import SqlType, b_text, cell_encoder, type_info

_PREPARE, _EXECUTE, _UNPREPARE = 11, 12, 15


def _int(value: int | None, name: str = "") -> bytes:
    cell = b"\0" if value is None else cell_encoder(SqlType("int"), nullable=True)(value)
    return b_text(name) + b"\0" + type_info(SqlType("int"), nullable=True) + cell


def _text(value: str) -> bytes:
    type = SqlType("nvarchar", (200,))
    return b_text("") + b"\0" + type_info(type, nullable=True) + cell_encoder(type, nullable=True)(value)


def _call(number: int, *parameters: bytes) -> bytes:
    return struct.pack("<IHHH", 4, 0xFFFF, number, 0) + b"".join(parameters)


def test_a_prepared_statement_runs_until_it_is_forgotten() -> None:
    prepared = Prepared()
    made = prepared.call(_call(_PREPARE, _int(None), _text("@a int, @b int"), _text("SELECT @a, @b"), _int(1)))
    assert (made.statement, made.handle) == ("", 1)
    for values in ((_int(5), _int(None)), (_int(5, "@a"), _int(None, "@b"))):
        run = prepared.call(_call(_EXECUTE, _int(1), *values))
        assert run.statement == "SELECT @a, @b"
        assert [(parameter.name, parameter.value) for parameter in run.parameters] == [("a", 5), ("b", None)]
    assert prepared.call(_call(_UNPREPARE, _int(1))).statement == ""
    assert prepared.call(_call(_EXECUTE, _int(1), _int(5), _int(6))).statement == ""


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (_call(_EXECUTE, _int(1))[:-2], "too early"),
        (_call(_PREPARE, _int(1), b"\xff"), "one call at a time"),
        (_call(_PREPARE, b"\0\0\x62"), "type 0x62"),
        (_call(10, _text("SELECT @a"), _text("@a int"), _int(1), _int(2)), "2 values for the parameters @a int"),
    ],
)
def test_a_call_that_is_not_understood_is_an_error(call: bytes, said: str) -> None:
    with pytest.raises(ServerError, match=said):
        Prepared().call(call)
