"""Text decoding: exact when valid, a defect when not, whatever else is in the chunk."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.sources.access.cells.fields import Slices
from pipeline.sources.access.cells.text import decode_text
from pipeline.sources.access.cells.values import Decoded
from pipeline.sources.access.pages.memory import Memory
from pipeline.sources.codepage import UTF_16

MARK = b"\xff\xfe"


def _decode(values: list[bytes | None], codec: str = UTF_16) -> Decoded:
    lengths = np.array([len(value or b"") for value in values], np.int64)
    valid = np.array([value is not None for value in values])
    memory = Memory(b"".join(value or b"" for value in values) + bytes(16))
    return decode_text(memory, Slices(np.cumsum(lengths) - lengths, lengths, valid), codec)


def _texts(decoded: Decoded) -> list[str | None]:
    decoded.values.validate(full=True)
    return list(decoded.values.to_pylist())


def _compress(text: str) -> bytes:
    """What Jet writes: one byte per character up to U+00FF, runs of others between zeros."""
    out, narrow = [MARK], True
    for character in text:
        fits = 0 < ord(character) < 0x100
        if fits != narrow:
            out.append(b"\0")
            narrow = fits
        out.append(character.encode("latin-1" if fits else UTF_16))
    return b"".join(out)


# Characters that compressed text can hold: neither byte of a wide one is 0, which would switch modes.
_plain = st.characters(codec="utf-16-le")
_compressible = _plain.filter(lambda c: 0 < ord(c) < 0x100 or 0 not in c.encode(UTF_16))


@given(
    st.lists(
        st.one_of(
            st.none(),
            st.text(_plain).map(lambda text: (text, text.encode(UTF_16))),
            st.text(_compressible).map(lambda text: (text, _compress(text))),
            st.text("AZaz09 éÿ").map(lambda text: (text, MARK + text.encode("latin-1"))),
        )
    )
)
def test_any_mix_of_stored_forms_reads_as_written(values: list[tuple[str, bytes] | None]) -> None:
    values = [value for value in values if value is None or not value[0].startswith("\ufeff")]
    decoded = _decode([value and value[1] for value in values])
    assert _texts(decoded) == [value and value[0] for value in values]
    assert not decoded.flaws


def test_mode_switches() -> None:
    back_and_forth = MARK + b"abc\0" + "각나".encode(UTF_16) + b"\0" + b"d\xe9"
    assert _texts(_decode([back_and_forth, MARK + b"\0" + b"\x3a\x26"])) == ["abc각나dé", "☺"]


def test_nul_is_text_and_not_a_defect() -> None:
    decoded = _decode(["a\0b".encode(UTF_16), "가\0".encode(UTF_16)])
    assert _texts(decoded) == ["a\0b", "가\0"]
    assert not decoded.flaws


def test_empty_is_not_null() -> None:
    assert _texts(_decode([b"", None, MARK, "x".encode(UTF_16)])) == ["", None, "", "x"]


def test_a_pair_split_over_two_values_is_two_defects() -> None:
    high, low = b"\x3d\xd8", b"\x00\xde"  # together U+1F600
    decoded = _decode([b"a\0" + high, low + b"b\0", "가".encode(UTF_16), high + low])
    assert _texts(decoded) == [None, None, "가", "😀"]
    assert [(flaw.row, flaw.raw, flaw.replacement) for flaw in decoded.flaws] == [
        (0, b"a\0" + high, "a\ufffd"),
        (1, low + b"b\0", "\ufffdb"),
    ]


@pytest.mark.parametrize("raw", [b"a\0b", MARK + b"a\0\x01", b"\xac"])
def test_odd_lengths_are_defects(raw: bytes) -> None:
    decoded = _decode(["나".encode(UTF_16), raw, MARK + b"ok"])
    assert _texts(decoded) == ["나", None, "ok"]
    assert [(flaw.row, flaw.raw) for flaw in decoded.flaws] == [(1, raw)]
    assert "\ufffd" in (decoded.flaws[0].replacement or "")


def test_defects_keep_their_rows_in_a_mixed_chunk() -> None:
    decoded = _decode([None, MARK + b"x", b"\x00\xd8", None, MARK + b"y\0\x01\xdc", "끝".encode(UTF_16)])
    assert _texts(decoded) == [None, "x", None, None, None, "끝"]
    assert [flaw.row for flaw in decoded.flaws] == [2, 4]


def test_code_page_949_is_more_than_euc_kr() -> None:
    raw = "펲시 뷁".encode("cp949")
    decoded = _decode([b"plain", raw, None, b"", b"\xb0"], "cp949")
    assert _texts(decoded) == ["plain", "펲시 뷁", None, "", None]
    assert [(flaw.row, flaw.raw, flaw.replacement) for flaw in decoded.flaws] == [(4, b"\xb0", "\ufffd")]


@pytest.mark.parametrize(
    ("codec", "raw", "said"),
    [
        ("cp1252", b"\xe9A\x81", "text is not cp1252: it has no character 0x81"),
        ("cp949", b"\xb0\xff", "text is not cp949: illegal multibyte sequence"),
    ],
)
def test_a_defect_names_the_code_page(codec: str, raw: bytes, said: str) -> None:
    assert [flaw.reason for flaw in _decode([b"a", raw], codec).flaws] == [said]


@pytest.mark.parametrize("size", range(30))
def test_values_at_the_very_end_of_the_memory(size: int) -> None:
    """Packing gathers whole words and must not lose the last bytes."""
    content = bytes(range(65, 65 + 40))
    memory = Memory(content)
    data, offsets = memory.pack(np.array([40 - size, 0]), np.array([size, 3]))
    assert data.to_pybytes()[: int(offsets[-1])] == content[40 - size :] + content[:3]
