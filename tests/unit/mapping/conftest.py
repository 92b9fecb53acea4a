"""A source of two related tables, and a way to read a mapping from text."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.catalog import Catalog, Column, Identity, SqlType, Table
from pipeline.mapping.read import MappingFile, read_mapping


@pytest.fixture
def source() -> Catalog:
    items = Table(
        "Items",
        (
            Column("ItemID", SqlType("Long"), nullable=False, identity=Identity(next_value=7)),
            Column("ItemCode", SqlType("Text", (30,))),
            Column("Price", SqlType("Currency")),
        ),
        rows=6,
    )
    lines = Table("Order Lines", (Column("Id", SqlType("Long")), Column("Item", SqlType("Long"))))
    return Catalog((items, lines), facts={"format": "ACE 14"})


@pytest.fixture
def read(tmp_path: Path) -> Callable[[str], MappingFile]:
    def from_text(text: str) -> MappingFile:
        path = tmp_path / "m.yaml"
        path.write_text(text, encoding="utf-8")
        return read_mapping(path)

    return from_text
