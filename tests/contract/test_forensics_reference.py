"""Real text is not accused, and real Korean is told in each damage: the numbers of docs/encoding.md."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from pipeline.dialects.access import ACCESS
from pipeline.engine.forensics import examine
from pipeline.sources.access import AccessSource
from pipeline.transform.forensics import Kind, diagnose
from tests.contract.test_access_reference import REFERENCE, _files, _name, _open
from tests.unit.transform.misread_text import as_latin, as_windows, decomposed

STALE = "jet3_cp949_stale_500.mdb"
"""CP949 under a header that claims 1252."""
WHOLE = [path for path in _files() if path.name != STALE]


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="../shared/access with the reference files is missing")
@pytest.mark.parametrize("path", WHOLE, ids=_name)
def test_no_column_of_a_real_file_is_accused(path: Path) -> None:
    with _open(path) as source:
        told = list(examine(source, source.catalog(), ACCESS, batch_rows=20_000))
    assert [(one.table, one.column, one.damages) for one in told if one.damages] == []


def texts(path: Path) -> Iterator[str]:
    with AccessSource(path) as source:
        for table in source.catalog().tables:
            for batch in source.batches(table.name, batch_rows=20_000):
                for column in batch.frame.select(pl.col(pl.String)).get_columns():
                    yield from column.drop_nulls()


@pytest.fixture(scope="module")
def korean(sample: Path) -> list[str]:
    """Each different value with Hangul of the sample database."""
    found = {text for text in texts(sample) if any("가" <= c <= "힣" for c in text)}
    assert len(found) > 1000
    return sorted(found)


@pytest.mark.parametrize("show", [as_latin, as_windows])
@pytest.mark.parametrize(
    ("codec", "kind"), [("utf-8", Kind.UTF_8_AS_LATIN), ("cp949", Kind.CP949_AS_LATIN)], ids=["utf-8", "cp949"]
)
def test_korean_that_was_misread_is_told(
    korean: list[str], codec: str, kind: Kind, show: Callable[[bytes], str]
) -> None:
    damaged = {text: show(text.encode(codec)) for text in korean if holds(codec, text)}
    assert len(damaged) > 1000
    missed = [text for text, shown in damaged.items() if diagnose(shown).found.get(kind) != text]
    assert len(missed) <= len(damaged) / 1000


def holds(codec: str, text: str) -> bool:
    try:
        return bool(text.encode(codec))
    except UnicodeEncodeError:
        return False


def test_decomposed_korean_is_told(korean: list[str]) -> None:
    for text in (text for text in korean if unicodedata.is_normalized("NFC", text)):
        assert diagnose(decomposed(text)).found.get(Kind.DECOMPOSED) == text


def test_utf_8_that_was_read_as_cp949_is_told_wherever_it_survived(korean: list[str]) -> None:
    survived = 0
    for text in korean:
        try:
            shown = text.encode().decode("cp949")
        except UnicodeDecodeError:
            continue
        survived += 1
        assert diagnose(shown).found.get(Kind.UTF_8_AS_CP949) == text
    assert 0 < survived < len(korean) / 4, "most of it is lost at the reading"
