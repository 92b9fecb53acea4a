"""Whether a digest is of the file that was opened."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from pipeline.errors import SourceChanged, SourceError
from pipeline.prefetch import at_work, prefetched
from pipeline.sources.watch import Watch

CONTENT = b"rows" * 100_000


def test_a_digest_is_of_the_whole_file_and_leaves_the_place_of_its_stream(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as stream:
        stream.seek(7)
        assert Watch(path, stream, hint="").digest() == hashlib.sha256(CONTENT).hexdigest()
        assert stream.tell() == 7


@pytest.mark.parametrize("how", ["gone", "replaced", "a directory", *["a pipe"] * hasattr(os, "mkfifo")])
def test_no_digest_of_another_file(how: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as stream:
        watch = Watch(path, stream, hint="look")
        path.rename(tmp_path / "aside")
        if how == "replaced":
            path.write_bytes(CONTENT)
            os.utime(path, ns=(0, os.fstat(stream.fileno()).st_mtime_ns))
        elif how == "a directory":
            path.mkdir()
        elif how == "a pipe":
            os.mkfifo(path)
        with pytest.raises(SourceChanged, match="file: ") as refused:
            watch.digest()
        assert refused.value.hint == "look"


def test_a_digest_that_nobody_waits_for_any_more_is_given_up(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.touch()
    os.truncate(path, 1 << 40)  # a hole, that would take minutes
    with path.open("rb") as stream:
        watch = Watch(path, stream, hint="")
        with pytest.raises(ZeroDivisionError), prefetched(watch.digest() for _ in range(1)):
            raise ZeroDivisionError
        assert not at_work()


def test_no_digest_once_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(CONTENT)
    with path.open("rb") as stream:
        watch = Watch(path, stream, hint="")
    with pytest.raises(SourceError, match="is not open"):
        watch.digest()
