"""A file with bytes scribbled over ends in our own errors, or is read; never in another exception.

Seeded, so a failure repeats. Numpy warnings are errors here, so overflows would show as well.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from pipeline.errors import DamagedSource, NaruError, UnsupportedSource
from pipeline.sources.access import AccessSource

ROUNDS = 60
JET3 = "jet3_cp949_500.mdb"


def _scribble(content: bytearray, random: Random, page_size: int) -> None:
    pages = len(content) // page_size
    for _ in range(random.choice((1, 1, 2, 5))):
        page = random.choice((0, 1, 2, *(random.randrange(pages) for _ in range(4))))
        inside = random.randrange(0x18, 0xA0) if page == 0 else random.randrange(random.choice((64, page_size - 8)))
        at = page * page_size + inside
        match random.randrange(5):
            case 0:
                content[at] ^= 1 << random.randrange(8)
            case 1:
                content[at : at + 4] = random.choice((b"\xff\xff\xff\xff", bytes(4), b"\xff\xff\xff\x7f"))
            case 2:
                content[at : at + 4] = (random.randrange(pages) << 8 | random.randrange(8)).to_bytes(4, "little")
            case 3:
                content[at : at + 8] = random.randbytes(8)
            case 4:
                other = random.randrange(pages) * page_size
                content[page * page_size : (page + 1) * page_size] = content[other : other + page_size]


def _read_everything(path: Path) -> NaruError | None:
    """The error of ours that it ends in, or None when all of it can be read."""
    try:
        with AccessSource(path) as source:
            for table in source.catalog().tables:
                rows = sum(batch.frame.height for batch in source.batches(table.name, batch_rows=3000))
                assert rows == source.count(table.name)
    except NaruError as error:
        return error
    return None


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("which", ["sample", JET3])
def test_scribbled_files_end_in_our_own_errors(
    which: str, seed: int, tmp_path: Path, sample: Path, request: pytest.FixtureRequest
) -> None:
    reference = request.getfixturevalue("shared") / "access" / "reference" if which != "sample" else sample.parent
    whole = (sample if which == "sample" else reference / which).read_bytes()
    random, seen = Random(seed), Counter[str]()
    path = tmp_path / "scribbled.accdb"
    for _ in range(ROUNDS):
        content = bytearray(whole)
        _scribble(content, random, 4096 if which == "sample" else 2048)
        path.write_bytes(content)
        error = _read_everything(path)
        assert error is None or (type(error) in (DamagedSource, UnsupportedSource) and path.name in error.message)
        seen[type(error).__name__] += 1
    assert len(seen) > 1, f"the scribbling is too weak or too strong: {seen}"
