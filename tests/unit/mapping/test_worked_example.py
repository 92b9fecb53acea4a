"""Mappings of real Access files: what is drafted is written, read back and planned."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.catalog import Catalog
from pipeline.dialects.draft import draft
from pipeline.errors import MappingError
from pipeline.mapping.read import read_mapping
from pipeline.mapping.target import target_catalog
from pipeline.mapping.write import render
from pipeline.sources.access import AccessSource

_EXAMPLE = Path(__file__).parents[3] / "mappings" / "routing_ml.yaml"
_PASSWORD = {"db2013-enc.accdb": "1234"}
_UNREAD = ("Calculated",)


def _catalog(path: Path) -> Catalog:
    with AccessSource(path, password=_PASSWORD.get(path.name)) as source:
        return source.catalog()


def test_the_worked_example_is_what_map_writes(sample: Path) -> None:
    source = _catalog(sample)
    made = draft(source)
    advice = "run: python -m pipeline map samples/routing_ml.accdb -o mappings/routing_ml.yaml --force"
    assert _EXAMPLE.read_text("utf-8") == render(made.mapping, source, made.notices), advice


def test_the_worked_example_plans_every_column_of_the_sample(sample: Path) -> None:
    source = _catalog(sample)
    file = read_mapping(_EXAMPLE)
    target = target_catalog(file.mapping, source, where=file.where)
    assert sorted(table.name for table in target.tables) == [
        "audit_logs", "items", "model_metadata", "output_profiles", "processes", "routing_groups", "routings", "users"
    ]  # fmt: skip
    assert [len(table.columns) for table in target.tables] == [len(table.columns) for table in source.tables]


def test_every_reference_file_is_drafted_written_and_read_back(shared: Path, tmp_path: Path) -> None:
    files = [file for file in (shared / "access" / "reference").iterdir() if file.suffix in {".mdb", ".accdb"}]
    assert files
    for file in sorted(files):
        source = _catalog(file)
        made = draft(source)
        path = tmp_path / f"{file.name}.yaml"
        path.write_text(render(made.mapping, source, made.notices), encoding="utf-8", newline="\n")
        read = read_mapping(path)
        assert read.mapping == made.mapping, file.name
        unread = [c.name for table in source.tables for c in table.columns if c.type.name in _UNREAD]
        if unread:
            with pytest.raises(MappingError, match=r"no PostgreSQL type .* Calculated") as caught:
                target_catalog(read.mapping, source, where=read.where)
            assert any(name in caught.value.message for name in unread), file.name
        else:
            target = target_catalog(read.mapping, source, where=read.where)
            assert [len(t.columns) for t in target.tables] == [len(t.columns) for t in source.tables], file.name
