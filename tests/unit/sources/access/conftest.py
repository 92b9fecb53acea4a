"""Copies of the sample with bytes changed, and where in it a table keeps things."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.sources.access.pages.codepage import Names
from pipeline.sources.access.pages.definition import TableDefinition, read_definition
from pipeline.sources.access.pages.file import AccessFile
from pipeline.sources.access.schema.objects import read_objects
from pipeline.sources.codepage import UTF_16


@pytest.fixture
def opened(sample: Path) -> Iterator[AccessFile]:
    """The sample's pages, whole."""
    with AccessFile(sample) as file:
        yield file


@pytest.fixture
def definition(opened: AccessFile) -> Callable[[str], TableDefinition]:
    """Definition of a table of the sample."""
    names = Names(UTF_16)
    objects = read_objects(opened, names)
    return lambda table: read_definition(opened, objects.tables[table].page, table, names)


@pytest.fixture
def changed(sample: Path, tmp_path: Path) -> Callable[[dict[int, bytes]], Path]:
    """A copy of the sample with other bytes at some offsets."""

    def change(patches: dict[int, bytes]) -> Path:
        content = bytearray(sample.read_bytes())
        for at, replacement in patches.items():
            content[at : at + len(replacement)] = replacement
        path = tmp_path / "changed.accdb"
        path.write_bytes(content)
        return path

    return change
