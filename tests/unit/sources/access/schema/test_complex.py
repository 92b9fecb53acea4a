"""Complex columns that the file does not explain are not read as if they were plain numbers."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.catalog import Action, SqlType
from pipeline.dialects.access import ACCESS
from pipeline.dialects.draft import draft
from pipeline.engine.plan import make_plan
from pipeline.errors import DamagedSource, MappingError, SourceError
from pipeline.mapping.target import target_catalog
from pipeline.sources.access import AccessSource

_TABLE_PAGE = 109
_MULTI_VALUE = 4
"""Number of the column `multi-value-data`."""


@pytest.fixture
def file(shared: Path) -> Path:
    return shared / "access" / "reference" / "complexDataV2010.accdb"


def _column_entry(content: bytes, number: int) -> int:
    """Offset of a complex column's entry in the definition of Table1."""
    page = content[_TABLE_PAGE * 4096 : (_TABLE_PAGE + 1) * 4096]
    (at,) = (
        at
        for at in range(len(page) - 25)
        if page[at] == 18 and int.from_bytes(page[at + 5 : at + 7], "little") == number
    )
    return _TABLE_PAGE * 4096 + at


@pytest.fixture
def unexplained(file: Path, tmp_path: Path) -> Path:
    """A copy whose multi-value column has a number that MSysComplexColumns does not know."""
    content = bytearray(file.read_bytes())
    content[_column_entry(bytes(content), _MULTI_VALUE) + 11] = 99
    path = tmp_path / "unexplained.accdb"
    path.write_bytes(content)
    return path


def test_values_are_tables_that_go_with_their_row(file: Path) -> None:
    with AccessSource(file) as source:
        catalog = source.catalog()
    assert [table.name for table in catalog.tables] == [
        "Table1", "Table1.append-memo-data.history", "Table1.multi-value-data", "Table1.attach-data",
    ]  # fmt: skip
    for child in catalog.tables[1:]:
        (key,) = child.foreign_keys
        assert (key.parent, key.on_delete) == ("Table1", Action.CASCADE)
        assert catalog.table("Table1").column(key.parent_columns[0]).type == SqlType("Complex")
        assert [index.columns for index in catalog.table("Table1").indexes].count(key.parent_columns) == 1
        assert child.column(child.primary_key[0]).identity is not None
    history = catalog.tables[1]
    assert history.column_names == ("_VersionHistory", "append-memo-data", "Modified", "Table1_VersionHistory")


def test_a_column_without_its_values_stops_the_plan(unexplained: Path) -> None:
    with AccessSource(unexplained) as source:
        catalog = source.catalog()
        with pytest.raises(SourceError, match=r"has no table 'Table1\.multi-value-data'"):
            source.count("Table1.multi-value-data")
    assert "Table1.multi-value-data" not in [table.name for table in catalog.tables]
    assert [n.column for n in catalog.notices if "where its attachments" in n.text] == ["multi-value-data"]
    with pytest.raises(MappingError, match="no PostgreSQL type for the source's Unknown complex"):
        target_catalog(draft(catalog).mapping, catalog)


def test_a_mapping_of_before_the_damage_is_told_which_column_to_skip(file: Path, unexplained: Path) -> None:
    with AccessSource(file) as source:
        mapping = draft(source.catalog()).mapping
    lost = "Table1.multi-value-data"
    kept = {name: table for name, table in mapping.tables.items() if name != lost}
    with AccessSource(unexplained) as source, pytest.raises(MappingError) as caught:
        make_plan(source.catalog(), mapping.model_copy(update={"tables": kept}), ACCESS)
    assert "column multi-value-data: Unknown complex is not read, and the mapping asks for it" in caught.value.message
    assert "{skip: true}" in str(caught.value.hint)


def test_a_flat_table_that_is_no_table_is_damage(file: Path, tmp_path: Path) -> None:
    content = bytearray(file.read_bytes())
    content[60 * 4096] = 1  # the flat table's definition becomes a data page
    path = tmp_path / "damaged.accdb"
    path.write_bytes(content)
    with AccessSource(path) as source, pytest.raises(DamagedSource, match="not a table definition"):
        source.catalog()


def test_a_column_of_the_values_alone(file: Path) -> None:
    with AccessSource(file) as source:
        (batch,) = source.batches("Table1.multi-value-data", batch_rows=10, columns=("Value",))
    assert batch.frame.columns == ["Value"]
    assert batch.frame.height == 6
