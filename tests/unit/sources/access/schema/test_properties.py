"""Properties of tables and columns, and blobs that are none."""

from __future__ import annotations

import struct

import pytest

from pipeline.sources.access.schema.properties import parse_properties

BOOLEAN, TEXT, CURRENCY = 1, 10, 5


def _decode(raw: bytes) -> str:
    return raw.decode("utf-16-le")


def _counted(text: str) -> bytes:
    return struct.pack("<H", len(text.encode("utf-16-le"))) + text.encode("utf-16-le")


def _block(kind: int, content: bytes) -> bytes:
    return struct.pack("<IH", len(content) + 6, kind) + content


def _owner(name: str, *values: bytes) -> bytes:
    counted = _counted(name)
    return struct.pack("<I", len(counted) + 4) + counted + b"".join(values)


def _value(kind: int, number: int, raw: bytes) -> bytes:
    return struct.pack("<HBBHH", len(raw) + 8, 0, kind, number, len(raw)) + raw


NAMES = _block(0x80, _counted("Description") + _counted("Required") + _counted("Weight"))
COLUMN = _block(1, _owner("품목", _value(TEXT, 0, "설명".encode("utf-16-le")), _value(BOOLEAN, 1, b"\xff")))


def test_values_by_owner_and_name() -> None:
    table = _block(0, _owner("", _value(TEXT, 0, "표".encode("utf-16-le")), _value(CURRENCY, 2, bytes(8))))
    found = parse_properties(b"MR2\0" + NAMES + table + COLUMN, _decode)
    assert found.table == {"Description": "표"}
    assert found.columns == {"품목": {"Description": "설명", "Required": True}}


@pytest.mark.parametrize(
    "blob",
    [
        b"",
        b"XX2\0" + NAMES,
        b"MR2\0" + NAMES[:-2],
        b"MR2\0" + struct.pack("<IH", 0, 0x80) + NAMES,
        b"MR2\0" + NAMES + _block(1, b"\0"),
        b"MR2\0" + NAMES + _block(1, _owner("a", _value(TEXT, 3, b"a\0"))),
        b"MR2\0" + NAMES + _block(1, _owner("a", _value(TEXT, 0, b"a"))),
        b"MR2\0" + NAMES + _block(1, _owner("a", struct.pack("<HBBHH", 8, 0, TEXT, 0, 500))),
        b"MR2\0" + NAMES + _block(1, _owner("a", struct.pack("<HBBHH", 0, 0, TEXT, 0, 0))),
    ],
)
def test_malformed_blobs_are_refused(blob: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        parse_properties(blob, _decode)
