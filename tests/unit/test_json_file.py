"""Each kind of JSON file that we read refuses what is hostile, in bounded time and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.backup.manifest import read_manifest, read_verified
from pipeline.errors import BackupError, NaruError, UsageError
from pipeline.json_file import Count, JsonFile, Many, Part
from pipeline.verify.proof.document import read_proof

Read = Callable[[Path], object]

each_kind = pytest.mark.parametrize(
    ("read", "refusal", "name"),
    [
        (read_proof, UsageError, "proof"),
        (read_manifest, BackupError, "manifest of a backup"),
        (read_verified, BackupError, "record of how a backup was verified"),
    ],
    ids=["proof", "manifest", "verified"],
)


def refused(read: Read, refusal: type[NaruError], path: Path) -> str:
    with pytest.raises(refusal) as caught:
        read(path)
    assert caught.value.hint
    assert caught.value.message.startswith(str(path))
    assert len(caught.value.message) < len(str(path)) + 300
    return caught.value.message.removeprefix(str(path))


@each_kind
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"null",
        b"[]",
        b'"text"',
        b"{}",
        b"\xff\xfe{}",
        b'{"name":"\xff"}',
        b"[" * 1_000_000,
        b'{"a":' * 1_000_000,
        b'{"findings":' + b"9" * 1_000_000 + b"}",
        b'{"findings":NaN}',
        b'{"findings":1e999999}',
        b'{"tool":"\\ud800"}',
        b'{"tool":"a',
        b"{} {}",
    ],
    ids=lambda data: repr(data[:20]),
)
def test_what_is_hostile_is_refused(
    tmp_path: Path, read: Read, refusal: type[NaruError], name: str, data: bytes
) -> None:
    (tmp_path / "file.json").write_bytes(data)
    assert refused(read, refusal, tmp_path / "file.json").startswith(f" is no {name}: ")


@each_kind
@pytest.mark.parametrize("part", [b"0,", b"{},", b'"a",', b'{"columns":[]},'])
def test_as_many_mistakes_as_a_file_holds_take_bounded_memory(
    tmp_path: Path, read: Read, refusal: type[NaruError], name: str, part: bytes
) -> None:
    data = b'{"tables":[' + part * ((3 << 20) // len(part)) + part[:-1] + b"]}"
    (tmp_path / "file.json").write_bytes(data)
    tracemalloc.start()
    try:
        assert f" is no {name}: " in refused(read, refusal, tmp_path / "file.json")
        assert tracemalloc.get_traced_memory()[1] < 50 * len(data)
    finally:
        tracemalloc.stop()


@each_kind
def test_a_file_that_is_too_large_is_not_parsed(
    tmp_path: Path, read: Read, refusal: type[NaruError], name: str
) -> None:
    (tmp_path / "file.json").write_bytes(b" " * (65 << 20))
    assert "larger than" in refused(read, refusal, tmp_path / "file.json")


@each_kind
def test_what_cannot_be_read_is_said(tmp_path: Path, read: Read, refusal: type[NaruError], name: str) -> None:
    assert refused(read, refusal, tmp_path).startswith(" cannot be read: ")


@pytest.mark.parametrize("read", [read_proof, read_manifest])
def test_no_file_is_an_error_that_names_it(tmp_path: Path, read: Read) -> None:
    assert refused(read, NaruError, tmp_path / "nowhere.json").startswith(" cannot be read: ")


class Shelf(Part):
    books: Many[Count]


def test_a_file_may_be_as_large_as_is_said_and_not_larger(tmp_path: Path) -> None:
    shelves = JsonFile("shelf", 1 << 20, UsageError, "another")
    data = b'{"books":[1]}'
    (tmp_path / "shelf").write_bytes(data.ljust(1 << 20))
    assert shelves.read(Shelf, tmp_path / "shelf") == (Shelf(books=(1,)), data.ljust(1 << 20))
    (tmp_path / "shelf").write_bytes(data.ljust((1 << 20) + 1))
    with pytest.raises(UsageError, match="is no shelf: it is larger than 1 MiB"):
        shelves.read(Shelf, tmp_path / "shelf")
