"""Compound files, as OLE 2 objects lie in them, and such as do not hold together."""

from __future__ import annotations

import struct
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.transform.compound import Compound, DamagedCompound
from pipeline.transform.ole import Damaged, Unwrapped, unwrap
from tests.unit.transform.ole_writer import compound, counted, embedded, package, wrapped

LARGE, SMALL = bytes(range(251)) * 40, b"small" * 30


@pytest.mark.parametrize("shift", [9, 12])
def test_large_small_and_empty_streams(shift: int) -> None:
    made = Compound(compound({"large": LARGE, "Small": SMALL, "\x01empty": b"", "품목": LARGE[:4096]}, shift=shift))
    assert (made.stream("large"), made.stream("Small"), made.stream("\x01empty")) == (LARGE, SMALL, b"")
    assert made.stream("품목") == LARGE[:4096]
    assert made.stream("other") is None


def test_a_file_beyond_what_the_header_lists_is_whole() -> None:
    """The header has room for 109 sectors of the table: 7 MB; those of longer files stand in a list of their own."""
    large = bytes(range(250)) * 30_000
    made = compound({"large": large})
    assert struct.unpack_from("<I", made, 68) != (0xFFFFFFFE,)
    assert Compound(made).stream("large") == large


@pytest.mark.parametrize(
    ("streams", "expected"),
    [
        (
            {"CompObj": b"x", "Package": b"PK\x03\x04" + LARGE},
            Unwrapped(b"PK\x03\x04" + LARGE, None, "Word.Document.12"),
        ),
        ({"CONTENTS": b"%PDF-1.4" + SMALL}, Unwrapped(b"%PDF-1.4" + SMALL, None, "Word.Document.12")),
        ({"\x01Ole10Native": counted(package(b"a", b"C:\\a.txt", SMALL))}, Unwrapped(SMALL, "a.txt", "Package")),
    ],
)
def test_what_an_object_embeds_comes_out(streams: dict[str, bytes], expected: Unwrapped) -> None:
    assert unwrap(wrapped(embedded(b"Word.Document.12", compound(streams)), program=b"Word.Document.12")) == expected


@pytest.mark.parametrize("streams", [{"WordDocument": LARGE}, {"CONTENTS": LARGE}, {}])
def test_a_document_of_old_office_is_the_compound_file_itself(streams: dict[str, bytes]) -> None:
    native = compound(streams)
    assert unwrap(wrapped(embedded(b"Word.Document.8", native))).data == native


@pytest.mark.parametrize(
    ("at", "number", "said"),
    [(48, 0x7FFFFFFF, "without end"), (26, 9, "version 9"), (76, 0x7FFFFFFF, "no sector"), (60, 0, "short stream|end")],
)
def test_damage_is_told(at: int, number: int, said: str) -> None:
    raw = bytearray(compound({"Package": SMALL}))
    struct.pack_into("<H" if at == 26 else "<I", raw, at, number)
    with pytest.raises(Damaged, match=said):
        unwrap(wrapped(embedded(b"X", bytes(raw))))


def test_a_chain_in_a_circle_ends() -> None:
    raw = bytearray(compound({"large": LARGE}))
    table = raw.rindex(struct.pack("<II", 1, 2))
    struct.pack_into("<I", raw, table, 0)
    with pytest.raises(DamagedCompound, match="without end"):
        Compound(bytes(raw)).stream("large")


@settings(max_examples=300)
@given(st.data())
def test_any_change_is_read_or_damaged(data: st.DataObject) -> None:
    raw = bytearray(compound({"Package": LARGE, "CONTENTS": SMALL}))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(raw) - 4))
        raw[at : at + 4] = data.draw(st.sampled_from([b"\0\0\0\0", b"\1\0\0\0", b"\xfe\xff\xff\xff", b"\xff" * 4]))
    with suppress(Damaged):
        unwrap(wrapped(embedded(b"X", bytes(raw[: data.draw(st.integers(0, len(raw)))]))))
