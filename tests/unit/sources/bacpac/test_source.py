"""Order, positions and bounds of what is read."""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import polars as pl
import pytest

from pipeline.batch import Position
from pipeline.errors import SourceChanged, SourceError
from pipeline.sources.bacpac import BacpacSource, reading
from tests.unit.sources.bacpac.export import Made, export, model, rows, table_element

TABLE = ("dbo", "T")
COLUMNS = [Made("id", "int", nullable=False), Made("v", "nvarchar(50)"), Made("w", "varbinary(max)")]
FILES = {
    "dbo.T/TableData-001-00000": range(5, 9),
    "dbo.T/TableData-000-00001": range(3, 5),
    "dbo.T/TableData-000-00000": range(3),
    "dbo.T/TableData-001-00001": range(0),
    "dbo.T/TableData-010-00000": range(9, 12),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    data = {part: rows(COLUMNS, [(at, f"row {at}", bytes(at)) for at in ids]) for part, ids in FILES.items()}
    return export(tmp_path / "t.bacpac", model(table_element(TABLE, COLUMNS)), data)


def test_data_files_follow_their_numbers_and_rows_count_on(path: Path) -> None:
    with BacpacSource(path) as source:
        batches = list(source.batches("T", batch_rows=100))
        assert source.count("T") == 12
    assert pl.concat(batch.frame for batch in batches)["id"].to_list() == list(range(12))
    assert pl.concat(batch.locators for batch in batches).to_list() == list(range(1, 13))


@pytest.mark.parametrize("batch_rows", [1, 2, 5, 100])
@pytest.mark.parametrize("resumed_with", [1, 3, 100])
def test_a_position_does_not_depend_on_the_size_of_batches(path: Path, batch_rows: int, resumed_with: int) -> None:
    with BacpacSource(path) as source:
        for batch in source.batches("T", batch_rows=batch_rows):
            assert batch.frame.height <= batch_rows
            after = Position(json.loads(json.dumps(batch.position.mark)))
            rest = list(source.batches("T", after=after, batch_rows=resumed_with))
            last = batch.frame["id"][-1]
            assert [value for one in rest for value in one.frame["id"]] == list(range(last + 1, 12))
            assert [value for one in rest for value in one.locators] == list(range(last + 2, 13))


@pytest.mark.parametrize("mark", [7, None, [0, 1], [0, -1, 0], [9, 0, 0], ["0", 0, 0], [0, 2, 1]])
def test_a_mark_that_is_none(path: Path, mark: object) -> None:
    with BacpacSource(path) as source, pytest.raises(SourceError, match="is no position"):
        list(source.batches("T", after=Position(mark), batch_rows=10))


def test_a_mark_beyond_the_end_of_its_file(path: Path) -> None:
    with BacpacSource(path) as source, pytest.raises(SourceError, match="has no row 4 to go on after"):
        list(source.batches("T", after=Position([0, 4, 4]), batch_rows=10))


def test_only_the_columns_that_are_asked_for(path: Path) -> None:
    with BacpacSource(path) as source:
        assert next(source.batches("T", batch_rows=9, columns=("w", "id"))).frame.columns == ["w", "id"]
        with pytest.raises(SourceError, match="no values of a column 'x'"):
            source.batches("T", batch_rows=9, columns=("x",))
        with pytest.raises(SourceError, match="no table 'U'"):
            source.batches("U", batch_rows=9)
        with pytest.raises(SourceError, match="batches of 0 rows"):
            source.batches("T", batch_rows=0)


def test_a_table_without_data_files_is_empty(tmp_path: Path) -> None:
    with BacpacSource(export(tmp_path / "t.bacpac", model(table_element(TABLE, COLUMNS)), {})) as source:
        assert source.count("T") == 0
        assert list(source.batches("T", batch_rows=10)) == []


def test_names_of_tables_with_blanks_dots_and_hangul(tmp_path: Path) -> None:
    objects = [table_element(("dbo", "Order Details"), COLUMNS), table_element(("판매", "고객.원장"), COLUMNS)]
    one = rows(COLUMNS, [(1, None, None)])
    encoded = "%ED%8C%90%EB%A7%A4.%EA%B3%A0%EA%B0%9D.%EC%9B%90%EC%9E%A5"
    data = {"dbo.Order%20Details/TableData-000-00000": one, f"{encoded}/TableData-000-00000": one * 2}
    with BacpacSource(export(tmp_path / "t.bacpac", model(*objects), data)) as source:
        assert {table.name: source.count(table.name) for table in source.catalog().tables} == {
            "Order Details": 1,
            "판매.고객.원장": 2,
        }


def test_pieces_end_anywhere(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with BacpacSource(path) as source:
        whole = pl.concat(batch.frame for batch in source.batches("T", batch_rows=100))
        for piece in (1, 2, 3, 7, 64):
            monkeypatch.setattr(reading, "_PIECE", piece)
            assert pl.concat(batch.frame for batch in source.batches("T", batch_rows=100)).equals(whole)
            assert source.count("T") == 12


def test_what_is_held_is_bounded_by_the_piece_and_not_by_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PIECE", 1 << 16)
    columns = [Made("v", "varbinary(max)")]
    data = {"dbo.T/TableData-000-00000": rows(columns, [(bytes(1000),)] * 2000)}
    with BacpacSource(export(tmp_path / "t.bacpac", model(table_element(TABLE, columns)), data)) as source:
        sizes = [batch.frame["v"].bin.size().sum() for batch in source.batches("T", batch_rows=1_000_000)]
    assert sum(sizes) == 2_000_000
    assert max(sizes) < 2 << 16


def test_a_file_that_is_written_to_is_no_longer_the_source(path: Path) -> None:
    with BacpacSource(path) as source:
        batches = source.batches("T", batch_rows=1)
        next(batches)
        stat = path.stat()
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1_000_000_000))
        with pytest.raises(SourceChanged, match="was written to"):
            list(batches)
        with pytest.raises(SourceChanged):
            source.fingerprint()


def test_fingerprints_are_of_the_whole_content(path: Path, tmp_path: Path) -> None:
    other = export(tmp_path / "other.bacpac", model(table_element(TABLE, COLUMNS)), {})
    with BacpacSource(path) as source, BacpacSource(other) as another:
        assert source.fingerprint() == source.fingerprint()
        assert source.fingerprint() != another.fingerprint()
        with zipfile.ZipFile(path) as packed:
            unpacked = sum(part.file_size for part in packed.infolist())
        assert source.fingerprint().bytes == unpacked > path.stat().st_size


def test_a_source_that_is_closed(path: Path) -> None:
    source = BacpacSource(path)
    with pytest.raises(SourceError, match="is not open"):
        source.catalog()
    with source:
        source.catalog()
    with pytest.raises(SourceError, match="is not open"):
        source.count("T")
