"""Text of whole columns: what a codec decodes value by value, and exactly the values that it refuses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.sources.codepage import UTF_16, codec_of
from pipeline.sources.text import Flaw, decode_packed

CODE_PAGES = [437, 850, 874, 932, 936, 949, 950, *range(1250, 1259), 65001]
CODECS = [UTF_16, *map(codec_of, CODE_PAGES)]
EVERY_SEPARATOR = bytes(range(0x30))


def decoded(values: Sequence[bytes | None], codec: str) -> tuple[list[str | None], tuple[Flaw, ...]]:
    ends = np.cumsum([0, *(len(value or b"") for value in values)])
    valid = np.array([value is not None for value in values], bool)
    texts, flaws = decode_packed(b"".join(value or b"" for value in values), ends, valid, codec)
    texts.validate(full=True)
    return texts.to_pylist(), flaws


def one(value: bytes | None, codec: str) -> str | None:
    try:
        return None if value is None else value.decode(codec)
    except UnicodeDecodeError:
        return None


@given(st.lists(st.none() | st.binary(max_size=12)), st.sampled_from(CODECS))
@example([b"\xb0", b"\xa1", None, b"", b"a"], "cp949")
@example([EVERY_SEPARATOR, b"\xb0\xa1", b"\xb0", b"1"], "cp949")
@example([EVERY_SEPARATOR * 2, "가".encode(UTF_16)], UTF_16)
@example(["😀".encode(UTF_16)[:2], "😀".encode(UTF_16)[2:], "😀".encode(UTF_16)], UTF_16)
@example([b"a\0b", b"\0c\0"], UTF_16)
def test_any_bytes_decode_as_each_value_by_itself(values: list[bytes | None], codec: str) -> None:
    texts, flaws = decoded(values, codec)
    assert texts == [one(value, codec) for value in values]
    refused = [row for row, value in enumerate(values) if value is not None and one(value, codec) is None]
    assert [flaw.row for flaw in flaws] == refused
    assert [flaw.raw for flaw in flaws] == [values[row] for row in refused]
    assert all("\ufffd" in flaw.replacement for flaw in flaws)


@given(st.lists(st.text(max_size=8)), st.sampled_from(CODECS))
def test_what_a_codec_encodes_comes_back(values: list[str], codec: str) -> None:
    kept = [value for value in values if value.encode(codec, "ignore").decode(codec) == value]
    assert decoded([value.encode(codec) for value in kept], codec) == (kept, ())


def test_a_slice_of_a_longer_buffer() -> None:
    texts, _ = decode_packed("가나다".encode("cp949"), np.array([2, 4, 6]), np.array([True, True]), "cp949")
    assert texts.to_pylist() == ["나", "다"]


@pytest.mark.parametrize(
    ("raw", "codec", "reason"),
    [
        (b"A\xb0\xa1\xb0", "cp949", "text is not cp949: 0xB0 at byte 3 is no character"),
        (b"\x80A", "cp949", "text is not cp949: 0x80 at byte 0 is no character"),
        (b"a\x81", "cp1252", "text is not cp1252: 0x81 at byte 1 is no character"),
        (b"\x3d\xd8A\0", UTF_16, "holds half of a UTF-16 pair, at byte 0"),
        (b"A\0B", UTF_16, "ends within a character, at byte 2"),
    ],
)
def test_the_reason_names_the_code_page_and_the_place(raw: bytes, codec: str, reason: str) -> None:
    texts, flaws = decoded([b"", raw, None], codec)
    assert texts == ["", None, None]
    assert [(flaw.row, flaw.reason, flaw.raw) for flaw in flaws] == [(1, reason, raw)]
