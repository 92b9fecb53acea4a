"""A file that is not damaged gives with salvage what it gives without: real files are odd, and oddness is no damage."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from pipeline.batch import Batch
from pipeline.errors import UnsupportedSource
from pipeline.sources.access import AccessSource

REFERENCE = Path(__file__).parents[3] / "shared" / "access" / "reference"
FILES = sorted([*REFERENCE.glob("*.mdb"), *REFERENCE.glob("*.accdb")]) if REFERENCE.is_dir() else []
PASSWORD = {"db2013-enc.accdb": "1234"}

pytestmark = pytest.mark.skipif(not FILES, reason="../shared/access with the reference files is missing")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_salvage_finds_no_damage_in_a_sound_file(path: Path) -> None:
    password = PASSWORD.get(path.name)
    with AccessSource(path, password=password) as plain, AccessSource(path, password=password, salvage=True) as other:
        assert other.catalog() == plain.catalog()
        for table in plain.catalog().tables:
            columns = tuple(column.name for column in table.columns if _readable(plain, table.name, column.name))
            pair = (source.batches(table.name, batch_rows=500, columns=columns) for source in (plain, other))
            for wanted, got in zip_longest(*pair):
                _same(wanted, got)
            assert other.count(table.name) == plain.count(table.name)


def _readable(source: AccessSource, table: str, column: str) -> bool:
    try:
        source.batches(table, batch_rows=1, columns=(column,))
    except UnsupportedSource:
        return False
    return True


def _same(wanted: Batch, got: Batch) -> None:
    assert_frame_equal(wanted.frame, got.frame)
    assert wanted.locators.to_list() == got.locators.to_list()
    assert (got.defects, got.unread, got.doubt) == (wanted.defects, (), None)
