"""From damaged text to its repair: what is proposed of a source is put into its mapping, and Korean arrives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from pipeline.batch import Defect
from pipeline.catalog import Catalog
from pipeline.dialects.access import ACCESS
from pipeline.engine.forensics import examine
from pipeline.evidence import TextEvidence
from pipeline.mapping.models import Encoding
from pipeline.mapping.read import read_mapping
from pipeline.mapping.write import column_line, render
from pipeline.postgres.connect import Target, connect
from tests.frames import FrameSource
from tests.unit.load.walk import column, key, mapping_of, migrate, plan_of, rows, source, table
from tests.unit.transform.misread_text import as_latin, as_windows, decomposed

MEANT = ["서울", "부산 공장 2", "가"]
PARTS = table("parts", (column("id"), column("name", "Text(80)"), column("note", "Memo")), key("id"))


def given(*names: str | None) -> FrameSource:
    return source({PARTS: [(i, name, "plain") for i, name in enumerate(names)]})


def evidence(made: FrameSource, rows: int | None = None) -> dict[str, TextEvidence]:
    told = examine(made, made.catalog(), ACCESS, batch_rows=2, rows=rows)
    return {one.column: one for one in told}


@pytest.mark.parametrize(
    ("damaged", "sound", "said"),
    [
        ([as_latin(text.encode("cp949")) for text in MEANT], ["한글"], "{repair: cp949}"),
        ([as_windows(text.encode("cp949")) for text in MEANT], ["café", "25°±2"], "{repair: cp949, only: korean}"),
        ([as_windows(text.encode()) for text in MEANT], ["한글", "½"], '{repair: "utf-8", only: korean}'),
        ([decomposed(text) for text in MEANT], ["한글", "e\u0301"], "{compose: hangul}"),
        ([as_windows(decomposed(text).encode()) for text in MEANT], ["plain"], '{repair: "utf-8", compose: hangul}'),
    ],
)
def test_the_proposed_line_brings_back_what_was_meant(
    database: Target, tmp_path: Path, damaged: list[str], sound: list[str], said: str
) -> None:
    made = given(*damaged, *sound, None)
    told = evidence(made)
    assert told["note"].encoding is None
    assert told["name"].encoding is not None
    drafted = mapping_of(made)
    name = drafted.tables["parts"].columns["name"]
    repaired = name.model_copy(update={"encoding": Encoding.model_validate(dict(told["name"].encoding))})
    line = column_line("name", repaired)
    assert line.endswith(f"encoding: {said}}}")
    path = tmp_path / "m.yaml"
    path.write_text(render(drafted, made.catalog()).replace(column_line("name", name), line), "utf-8")
    migrate(made, plan_of(made, read_mapping(path).mapping), database)
    with connect(database, application_name="t", autocommit=True) as connection:
        arrived = [name for (name,) in rows(connection, "select name from parts order by id")]
        assert arrived == [*MEANT, *sound, None]
        losses = rows(connection, "select distinct locator from _naru.loss order by 1")
        assert losses == [(0,), (1,), (2,)], "as many as were counted, and each is on record"
        assert rows(connection, "select count(*) from _naru.reject") == [(0,)]
    assert sum(damage.count for damage in told["name"].damages) in (3, 6)


def test_the_first_rows_of_each_table_are_read_where_no_more_are_asked_for() -> None:
    made = given("a", "b", as_latin("서울".encode("cp949")), "d")
    assert [evidence(made, rows=n)["name"].values for n in (1, 2, 3, 9)] == [1, 2, 3, 4]
    assert [bool(evidence(made, rows=n)["name"].damages) for n in (2, 3)] == [False, True]


def test_no_row_behind_the_sample_is_asked_for() -> None:
    def guard(_table: str, row: int) -> None:
        assert row < 3, "read past the sample"

    made = replace(given("a", "b", "c", "d", "e"), before_batch=guard)
    assert evidence(made, rows=3)["name"].values == 3


def test_cells_that_are_no_text_are_counted_and_other_columns_not_read() -> None:
    frame = given("a", None).frames["parts"].with_columns(pl.lit(b"raw").alias("file"))
    files = replace(PARTS, columns=(*PARTS.columns, column("file", "OLE")))
    defects = {"parts": (Defect(1, "name", "no text", b"\xff"),)}
    made = FrameSource(Catalog((files,)), {"parts": frame}, defects)
    assert {name: (one.values, one.undecodable) for name, one in evidence(made).items()} == {
        "name": (1, 1),
        "note": (2, 0),
    }
