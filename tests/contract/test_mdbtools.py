"""Debian's mdbtools as a second opinion: on the indexes of every file, and on the large file that the benches make."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pytest

from bench.write_access import KEY, TABLE, write
from pipeline.catalog import Table
from pipeline.sources.access import AccessSource
from tests.contract.test_access_reference import ENCRYPTED, _files, _name, _open

needs_mdbtools = pytest.mark.skipif(shutil.which("mdb-schema") is None, reason="mdbtools is not installed")
_STATEMENT = re.compile(
    r'(?:CREATE (UNIQUE )?INDEX "[^"]*" ON|ALTER TABLE) "([^"]*)" (?:ADD CONSTRAINT "[^"]*" (PRIMARY KEY) )?\((.*)\);'
)
Indexes = Counter[tuple[object, ...]]


def _told(path: Path) -> dict[str, Indexes]:
    """Indexes by table: primary, unique, columns and whether each descends (which it does not say of primary keys)."""
    command = ["mdb-schema", "--indexes", "--no-relations", str(path), "postgres"]
    text = subprocess.run(command, capture_output=True, check=True).stdout.decode("utf-8", "replace")
    found: dict[str, Indexes] = {}
    for unique, table, primary, columns in _STATEMENT.findall(text):
        parts = tuple((_written(name), bool(down)) for name, down in re.findall(r'"([^"]*)"( DESC)?', columns))
        found.setdefault(_written(table), Counter())[bool(primary), bool(unique or primary), parts] += 1
    return found


def _written(name: str) -> str:
    """As mdb-schema writes a name: PostgreSQL's way."""
    return name.lower().replace(" ", "_").replace("-", "_")


def _ours(table: Table) -> Indexes:
    return Counter(
        (i.primary, i.unique, tuple((_written(p.column), p.descending and not i.primary) for p in i.parts))
        for i in table.indexes
    )


@needs_mdbtools
@pytest.mark.parametrize("path", [path for path in _files() if path.name not in ENCRYPTED], ids=_name)
def test_keys_and_indexes_are_those_that_mdbtools_tells(path: Path) -> None:
    told = _told(path)
    with _open(path) as source:
        for table in source.catalog().tables:
            hidden = "." in table.name  # the values of a complex column, which mdb-schema does not show
            # Where two names share one index mdb-schema counts wrong, and gives names the columns of others.
            if not hidden and len({index.columns for index in table.indexes}) == len(table.indexes):
                assert _ours(table) == told.get(_written(table.name), Counter())


def test_the_enlarged_file_has_every_row_under_a_key_of_its_own(tmp_path: Path, sample: Path) -> None:
    path = tmp_path / "large.accdb"
    rows = write(path, 16 << 20)
    with AccessSource(sample) as source:
        (original,) = source.batches(TABLE, batch_rows=10_000)
    with AccessSource(path) as source:
        assert 5 * original.frame.height < rows
        assert path.stat().st_size <= 16 << 20
        assert source.count(TABLE) == rows == source.catalog().table(TABLE).rows
        batches = list(source.batches(TABLE, batch_rows=original.frame.height))
    assert [key for batch in batches for key in batch.frame[KEY]] == list(range(1, rows + 1))
    assert all(batch.frame.drop(KEY).equals(original.frame.drop(KEY)) for batch in batches)


@needs_mdbtools
def test_mdbtools_reads_the_same_from_the_enlarged_file(tmp_path: Path) -> None:
    path = tmp_path / "large.accdb"
    rows = write(path, 16 << 20)
    told = subprocess.run(["mdb-count", str(path), TABLE], capture_output=True, text=True, check=True).stdout
    assert int(told) == rows
    exported = subprocess.run(["mdb-export", "-H", str(path), TABLE], capture_output=True, check=True).stdout
    theirs = csv.reader(io.StringIO(exported.decode("utf-8"), newline=""))
    columns = (KEY, "old_value", "new_value")
    with AccessSource(path) as source:
        ours = (row for b in source.batches(TABLE, batch_rows=10_000, columns=columns) for row in b.frame.iter_rows())
        for (key, old, new), other in zip_longest(ours, theirs):
            assert [str(key), old or "", new or ""] == [other[0], other[6], other[7]]
