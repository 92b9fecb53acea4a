"""OLE objects: what comes out of the wrapper, and wrappers that are not what they claim."""

from __future__ import annotations

import struct
from contextlib import suppress

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mapping.models import ColumnMapping, Encoding
from pipeline.mapping.parts import OLE
from pipeline.transform.ole import Damaged, Unwrapped, unwrap
from pipeline.transform.parts import part_step
from tests.unit.transform.ole_writer import LINKED, PICTURE, embedded, object_header, package, packed, wrapped

BMP = b"BM" + bytes(60)
PDF = b"%PDF-1.7\n" + bytes(range(256))


def test_a_picture_of_paint() -> None:
    assert unwrap(wrapped(embedded(b"PBrush", BMP))) == Unwrapped(BMP, None, "Paint.Picture")


@pytest.mark.parametrize(
    ("label", "path", "wide", "name"),
    [
        (b"Report", b"C:\\docs\\2024\\report.pdf", None, "report.pdf"),
        (b"report.pdf", b"", None, "report.pdf"),
        (b"\xc7\xd1.pdf", b"\xc7\xd1.pdf", ("한.pdf", "D:\\문서\\한.pdf"), "한.pdf"),
    ],
)
def test_a_packed_file(label: bytes, path: bytes, wide: tuple[str, str] | None, name: str) -> None:
    assert unwrap(packed(label, path, PDF, wide=wide)) == Unwrapped(PDF, name, "Package")


@pytest.mark.parametrize("raw", [b"", b"\x15", PDF, b"\xff\xd8\xff\xe0" + bytes(9), b"\x1c\x15" + bytes(99)])
def test_what_was_never_wrapped_stays_as_it_is(raw: bytes) -> None:
    assert unwrap(raw) == Unwrapped(raw)


def test_names_beyond_ascii_need_their_encoding() -> None:
    value = packed("한글.pdf".encode("cp949"), b"", PDF)
    assert unwrap(value, "cp949").file_name == "한글.pdf"
    with pytest.raises(Damaged, match=r"encoding: \{repair: cp949\}"):
        unwrap(value)
    with pytest.raises(Damaged, match="not utf-8"):
        unwrap(value, "utf-8")


def test_a_picture_without_an_object() -> None:
    stream = (
        struct.pack("<II", 0x501, PICTURE) + struct.pack("<I", 4) + b"DIB\0" + struct.pack("<III", 9, 9, 5) + b"pixel"
    )
    assert unwrap(wrapped(stream, program=b"")) == Unwrapped(b"pixel", None, "DIB")


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            wrapped(object_header(LINKED, b"Word.Document.8", b"C:\\a.doc")),
            r"link to 'C:\\\\a.doc\\x00' and holds no file",
        ),
        (packed(b"a", b"a", b"", kind=1), "package of kind 1"),
        (wrapped(embedded(b"Package", b"\2\0no end")), "name without end"),
        (wrapped(struct.pack("<II", 0x501, 7) + struct.pack("<III", 0, 0, 0)), "form 7"),
        (wrapped(object_header(2, b"PBrush") + struct.pack("<I", 0xFFFFFFFF)), "claims 4294967295 bytes"),
        (wrapped(embedded(b"Package", package(b"a", b"a", PDF)[:-1])), "claims 265 bytes"),
        (b"\x15\x1c", "claims 14 bytes at 2 of 2"),
    ],
)
def test_a_wrapper_that_cannot_be_opened_says_why(value: bytes, said: str) -> None:
    with pytest.raises(Damaged, match=said):
        unwrap(value)


def test_a_column_mixes_them_and_only_the_damaged_is_refused() -> None:
    column = pl.Series([packed(b"a.pdf", b"", PDF), PDF, b"\x15\x1c", None], dtype=pl.Binary)
    data, name, kind = (part_step(str(part.step), ColumnMapping(ole="unwrap"))(column) for part in OLE)
    assert data.values.to_list() == [PDF, PDF, None, None]
    assert name.values.to_list() == ["a.pdf", None, None, None]
    assert kind.values.to_list() == ["Package", None, None, None]
    for part in (data, name, kind):
        assert part.refused is not None
        assert part.refused.to_list() == [False, False, True, False]
        assert part.why == {2: "claims 14 bytes at 2 of 2"}
    assert data.lost is not None
    assert data.lost.to_list() == [True, False, False, False]
    assert name.lost is kind.lost is None


def test_the_mapping_names_the_encoding() -> None:
    mapping = ColumnMapping(ole="unwrap", encoding=Encoding(repair="cp949"))
    column = pl.Series([packed("한.pdf".encode("cp949"), b"", PDF)])
    assert part_step("ole_file_name", mapping)(column).values.to_list() == ["한.pdf"]


@given(st.data())
def test_any_bytes_behind_the_signature_are_opened_or_damaged(data: st.DataObject) -> None:
    whole = packed(b"report.pdf", b"C:\\report.pdf", PDF, wide=("a", "b"))
    cut = whole[: data.draw(st.integers(2, len(whole)))]
    at = data.draw(st.integers(2, len(cut) - 1)) if len(cut) > 2 else 2
    changed = cut[:at] + data.draw(st.binary(max_size=8)) + cut[at + 4 :]
    with suppress(Damaged):
        assert len(unwrap(changed).data) <= len(changed)
