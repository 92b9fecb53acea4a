"""Attached files come out of their wrapper whole, or the row is refused with all that the source holds."""

from __future__ import annotations

import tracemalloc
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import DamagedSource
from pipeline.sources.access import AccessSource
from pipeline.sources.access.cells.attachments import LARGEST, unpack
from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.pages.memory import Memory
from pipeline.sources.access.reading import read_table
from pipeline.sources.access.schema.objects import read_objects
from pipeline.sources.codepage import UTF_16


def _u32(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def _content(file: bytes, extension: str = "txt") -> bytes:
    name = f"{extension}\0".encode("utf-16-le")
    return _u32(12 + len(name), 1, len(extension) + 1) + name + file


def _plain(file: bytes) -> bytes:
    content = _content(file)
    return _u32(0, len(content)) + content


def _packed(file: bytes, size: int | None = None) -> bytes:
    content = _content(file)
    return _u32(1, len(content) if size is None else size) + zlib.compress(content)


@given(st.binary(max_size=300))
def test_both_forms_give_the_file_back(file: bytes) -> None:
    assert unpack(_plain(file)) == unpack(_packed(file)) == file


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "shorter than its head"),
        (_plain(b"x")[:7], "shorter than its head"),
        (_u32(7) + _plain(b"x")[4:], "form 7"),
        (_plain(b"xyz")[:-1], r"holds 22 bytes where it claims 23"),
        (_plain(b"xyz") + b"!", r"holds 24 bytes where it claims 23"),
        (_u32(0, 0), "header of 0 bytes"),
        (_u32(0, 8, 9, 0), "header of 9 bytes in 8"),
        (_u32(0, 8, 3, 0), "header of 3 bytes in 8"),
        (_packed(b"xyz")[:-5], "ends before its packed data"),
        (_packed(b"xyz") + b"more", "4 bytes after its packed data"),
        (_packed(b"xyz", size=22), "more than the 22 bytes it claims"),
        (_packed(b"xyz", size=24), "holds 23 bytes where it claims 24"),
        (_u32(1, 4) + b"not zlib", "does not unpack"),
        (_packed(b"x", size=LARGEST + 1), "more than Access attaches"),
    ],
)
def test_what_is_no_attachment_is_told(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        unpack(data)


@given(st.binary(max_size=200), st.integers(0, 60), st.binary(min_size=1, max_size=4))
def test_scribbling_ends_in_bytes_or_in_a_reason(file: bytes, at: int, scribble: bytes) -> None:
    for data in (_plain(file), _packed(file)):
        with suppress(ValueError):
            assert len(unpack(data[:at] + scribble + data[at + len(scribble) :])) <= len(data) + 300


def test_a_bomb_is_not_blown_up() -> None:
    bomb = _u32(1, 100) + zlib.compress(bytes(200 << 20))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more than the 100 bytes"):
            unpack(bomb)
        assert tracemalloc.get_traced_memory()[1] < 2 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(("form", "most"), [(_plain, 0.1), (_packed, 1.3)])
def test_a_large_file_is_in_memory_once(form: Callable[[bytes], bytes], most: float) -> None:
    file = Random(1).randbytes(20 << 20)
    data = form(file)
    tracemalloc.start()
    try:
        unpacked = unpack(data)
        assert tracemalloc.get_traced_memory()[1] < most * len(file)
    finally:
        tracemalloc.stop()
    assert unpacked == file


def test_values_that_lie_as_they_are_wanted_are_not_copied() -> None:
    content = bytearray(b"one, two, three" + bytes(16))
    starts, lengths = np.array([0, 5, 5, 10]), np.array([5, 0, 5, 5])
    data, offsets = Memory(content).pack(starts, lengths)
    assert data.address == pa.py_buffer(content).address
    assert offsets.tolist() == [0, 5, 5, 10, 15]
    data, offsets = Memory(content).pack(starts[::-1], lengths[::-1])
    assert bytes(data)[: int(offsets[-1])] == b"threetwo, one, "


FILE, TABLE = "complexDataV2010.accdb", "Table1.attach-data"
_HEAD = _u32(1, 58)
"""What stands before the first of the two packed attachments of row 2."""


@pytest.fixture
def damaged(shared: Path, tmp_path: Path) -> Callable[[bytes, int], Path]:
    """A copy of the file with other bytes from some offset in the first attachment on."""
    content = (shared / "access" / "reference" / FILE).read_bytes()
    start = content.index(_HEAD + b"\x78\x5e")

    def damage(replacement: bytes, at: int) -> Path:
        path = tmp_path / "damaged.accdb"
        path.write_bytes(content[: start + at] + replacement + content[start + at + len(replacement) :])
        return path

    return damage


@pytest.mark.parametrize(
    ("replacement", "at", "reason"),
    [
        (_u32(57), 4, "more than the 57 bytes it claims"),
        (_u32(59), 4, "holds 58 bytes where it claims 59"),
        (b"\xff\xff\xff\xff", 4, "more than Access attaches"),
        (_u32(2), 0, "form 2"),
        (b"\0\0", 8, "does not unpack"),
    ],
)
def test_only_the_damaged_attachment_is_refused(
    damaged: Callable[[bytes, int], Path], replacement: bytes, at: int, reason: str
) -> None:
    with AccessSource(damaged(replacement, at)) as source:
        (batch,) = source.batches(TABLE, batch_rows=10)
    (defect,) = batch.defects
    assert (defect.row, defect.column) == (0, "FileData")
    assert reason in defect.reason
    assert len(defect.raw) == 66
    assert defect.raw[at : at + len(replacement)] == replacement
    assert batch.frame["FileData"].to_list() == [None, *[b"this is some more test data for attachment."] * 2]


def test_batches_are_bounded_by_what_attachments_claim(damaged: Callable[[bytes, int], Path]) -> None:
    """A small value that unpacks to much stands alone in its batch."""
    with AccessSource(damaged(_u32(200 << 20), 4)) as source:
        assert [batch.frame.height for batch in source.batches(TABLE, batch_rows=10)] == [1, 2]
        assert [b.frame.height for b in source.batches(TABLE, batch_rows=10, columns=("FileName",))] == [3]


def test_attachments_of_the_system_unpack_in_every_real_file(shared: Path) -> None:
    """Themes and pictures in MSysResources: no table of the user's, and the widest evidence for both forms."""
    files = 0
    for path in sorted((shared / "access" / "reference").glob("*.accdb")):
        with AccessFile(path, password="1234") as file:
            names = Names(UTF_16)
            for name, described in read_objects(file, names).system.items():
                if not name.startswith("f_"):
                    continue
                table = read_definition(file, described.page, name, names)
                columns = tuple(c for c in table.columns if c.name in ("FileData", "FileType"))
                if len(columns) < 2:
                    continue
                for batch in read_table(file, table, columns, codec=UTF_16, batch_rows=10):
                    for data, kind in batch.frame.select("FileData", "FileType").iter_rows():
                        start = {"png": b"\x89PNG", "txt": b"this is", "thmx": b"PK", "": b"PK"}[kind]
                        assert bytes(unpack(data)).startswith(start), (path.name, kind)
                        files += 1
    assert files > 15


def test_a_long_value_that_leads_nowhere_is_damage(shared: Path, tmp_path: Path) -> None:
    content = bytearray((shared / "access" / "reference" / FILE).read_bytes())
    header = content.index(_u32(66 | 1 << 30))  # 66 bytes, alone in a row elsewhere; made a chain that begins nowhere
    content[header : header + 8] = _u32(66, 0xFFFFFF00)
    path = tmp_path / "lost.accdb"
    path.write_bytes(content)
    with AccessSource(path) as source, pytest.raises(DamagedSource, match="attach-data"):
        list(source.batches(TABLE, batch_rows=10))
