"""What a column's text tells: each damage with its share, and options of the mapping that fit the whole column."""

from __future__ import annotations

import polars as pl
import pytest

from pipeline.evidence import TextEvidence
from pipeline.transform.forensics import Examination
from tests.unit.transform.misread_text import WESTERN, as_latin, as_windows, decomposed

KOREAN = ["서울", "부산 공장", "가", "하우징 120x40", "김철수(金哲洙)"]
CP949 = [as_latin(text.encode("cp949")) for text in KOREAN]
UTF_8 = [as_windows(text.encode()) for text in KOREAN]


def examined(*batches: list[str | None]) -> TextEvidence:
    examination = Examination("t", "c")
    for batch in batches:
        examination.add(pl.Series(batch, dtype=pl.String))
    return examination.evidence()


def counts(evidence: TextEvidence) -> dict[str, int]:
    return {str(damage.kind): damage.count for damage in evidence.damages}


@pytest.mark.parametrize(
    ("damaged", "kind", "encoding"),
    [
        (CP949, "cp949_as_latin", {"repair": "cp949"}),
        (UTF_8, "utf8_as_latin", {"repair": "utf-8"}),
        ([text.encode().decode("cp949") for text in ("공정", "공정 A-1")],
         "utf8_as_cp949", {"repair": "utf-8", "read_as": "cp949"}),
        ([decomposed(text) for text in KOREAN], "decomposed", {"compose": "hangul"}),
        ([as_windows(decomposed(text).encode()) for text in KOREAN], "utf8_as_latin",
         {"repair": "utf-8", "compose": "hangul"}),
    ],
)  # fmt: skip
def test_a_damaged_column_is_told_with_its_repair(damaged: list[str], kind: str, encoding: dict[str, str]) -> None:
    evidence = examined([*damaged, None, "plain", ""])
    assert counts(evidence)[kind] == len(damaged)
    assert (evidence.values, evidence.korean, evidence.encoding) == (len(damaged) + 2, 0, encoding)


def test_sound_text_needs_nothing() -> None:
    evidence = examined([*KOREAN, *WESTERN])
    assert (evidence.damages, evidence.encoding, evidence.doubtful) == ((), None, 0)
    assert evidence.korean == len(KOREAN) + 3, "ㄱ. 가, 한글 ±0.5 and 서울·부산"


def test_sound_korean_beside_damage_needs_no_further_option() -> None:
    evidence = examined([*KOREAN, *CP949])
    assert (evidence.korean, evidence.mixed, evidence.encoding) == (5, True, {"repair": "cp949"})


@pytest.mark.parametrize("sound", ["café", "25°±2", "한글 ±0.5"])
def test_text_that_the_repair_would_spoil_or_refuse_is_told_and_left(sound: str) -> None:
    evidence = examined([*CP949, sound])
    assert evidence.encoding == {"repair": "cp949", "only": "korean"}
    assert evidence.doubtful == 1
    assert [sample.before for sample in evidence.doubted] == [sound]


def test_hanja_in_a_column_that_one_program_wrote_come_back_too() -> None:
    evidence = examined([*CP949, *CP949, as_latin("漢字".encode("cp949"))])
    assert evidence.encoding == {"repair": "cp949"}
    assert [(sample.before, sample.after) for sample in evidence.doubted] == [("ùÓí®", "漢字")]


def test_of_two_misreadings_the_more_frequent_is_repaired_and_the_other_left() -> None:
    evidence = examined([*CP949, *UTF_8[:2]])
    assert counts(evidence) == {"cp949_as_latin": 5, "utf8_as_latin": 2}
    assert evidence.encoding == {"repair": "cp949", "only": "korean"}


def test_what_is_lost_is_told_and_nothing_is_proposed() -> None:
    evidence = examined(["\ufffd\ufffd 공장", "??? 12", "(??)", "서?", "really??"])
    assert counts(evidence) == {"question_marks": 2, "replaced": 1}
    assert evidence.encoding is None


def test_counts_do_not_depend_on_batches_and_samples_are_few_and_short() -> None:
    values = [*CP949, *KOREAN, "café", CP949[1] * 5000]
    whole, apart = examined([*values, *values]), examined(*([value] for value in (*values, *values)))
    assert whole == apart
    (damage,) = whole.damages
    assert (damage.count, len(damage.samples)) == (12, 3)
    assert len(examined([CP949[1] * 5000]).damages[0].samples[0].before) < 100


def test_a_column_of_nulls_has_nothing_to_tell() -> None:
    assert examined([None, None], []) == TextEvidence("t", "c", 0, 0, 0, (), 0, (), None)
