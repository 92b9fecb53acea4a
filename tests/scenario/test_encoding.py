"""Korean that an old program stored wrongly, as a user meets it: found, repaired by the proposed lines, and arrived."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pipeline.postgres.connect import Target, connect
from pipeline.postgres.sql import SQL, Identifier
from pipeline.sources.access import AccessSource
from tests.scenario.conftest import Naru


@pytest.fixture
def stale(shared: Path) -> Path:
    """An Access 97 file of Korean text whose header says code page 1252."""
    return shared / "access" / "reference" / "jet3_cp949_stale_500.mdb"


def columns(naru: Naru, path: Path, *more: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = json.loads(naru("inspect", path, "--encoding", "--json", *more))["encoding"]["columns"]
    return told


def test_the_proposed_lines_bring_the_whole_file_back(naru: Naru, stale: Path, database: Target) -> None:
    naru("map", stale, "-o", "m.yaml")
    mapping = naru.directory / "m.yaml"
    text = mapping.read_text("utf-8")
    repaired = [column for column in columns(naru, stale) if column["mapping"]]
    assert len(repaired) == 7
    for column in repaired:
        drafted = column["mapping"].removesuffix(", encoding: {repair: cp949}}") + "}"
        assert text.count(drafted) == 1
        text = text.replace(drafted, column["mapping"])
    mapping.write_text(text, "utf-8")
    assert "verified: no findings" in naru("migrate", stale, "-m", "m.yaml")
    compared = 0
    with AccessSource(stale, code_page=949) as truth, connect(database, application_name="t") as connection:
        for table in truth.catalog().tables:
            batches = [batch.frame for batch in truth.batches(table.name, batch_rows=1000)]
            for at, column in enumerate(table.columns):
                if column.type.name not in ("Text", "Memo"):
                    continue
                meant = sorted(text for frame in batches for text in frame[column.name].drop_nulls())
                assert sorted(held(connection, table.name, at)) == meant
                compared += len(meant)
    assert compared == 2234


def held(connection: Any, table: str, at: int) -> list[str]:
    """Texts of the column at that place; its name is as damaged in the target as in the source."""
    position = "select column_name from information_schema.columns where table_name = %s and ordinal_position = %s"
    (name,) = connection.execute(position, (table.lower(), at + 1)).fetchone()
    statement = SQL("select {0} from {1} where {0} is not null").format(Identifier(name), Identifier(table.lower()))
    return [text for (text,) in connection.execute(statement)]


def test_a_person_sees_shares_samples_and_the_shorter_way(naru: Naru, stale: Path, shared: Path) -> None:
    said = naru("inspect", stale, "--encoding")
    assert "500 values (100.0%): CP949 that was read as Latin-1 or Windows-1252" in said
    assert "  ->  베어링 606x69" in said
    assert "encoding: 7 of 10 text columns hold damaged text: all readable rows" in said
    assert "hint: its header says code page 1252: --code-page 949 reads all of the file" in said
    assert "encoding: no damaged text" in naru("inspect", stale, "--encoding", "--code-page", "949")
    assert "the first 5 rows of each table" in naru("inspect", stale, "--encoding", "--rows", "5")
    assert "encoding" not in json.loads(naru("inspect", stale, "--json"))
    assert "add --encoding" in naru("inspect", stale, "--rows", "5", code=2)
