"""Text that was read in another encoding: it comes back whole, or is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.hangul import composed
from pipeline.transform.misread import Misread
from tests.unit.transform.misread_text import WESTERN, as_latin, as_windows, decomposed, korean_words

UTF_8, CP949, UTF_8_AS_CP949 = Misread("utf-8"), Misread("cp949"), Misread("utf-8", "cp949")
EACH = (UTF_8, CP949, UTF_8_AS_CP949)


@given(st.text(st.characters(codec="cp949")))
def test_whatever_cp949_holds_comes_back_from_either_reading(meant: str) -> None:
    raw = meant.encode("cp949")
    assert CP949.undone(as_latin(raw)) == CP949.undone(as_windows(raw)) == meant


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_whatever_utf_8_holds_comes_back_from_either_reading(meant: str) -> None:
    raw = meant.encode()
    assert UTF_8.undone(as_latin(raw)) == UTF_8.undone(as_windows(raw)) == meant


@given(korean_words)
def test_korean_words_are_told_in_each_damage(meant: str) -> None:
    assert UTF_8.undone_to_korean(as_windows(meant.encode())) == meant
    once = as_latin(meant.encode("cp949"))
    assert CP949.undone_to_korean(once) == meant or UTF_8.undone(once) is not None, (
        "what is UTF-8 too is not guessed at"
    )


@given(korean_words)
def test_sound_korean_is_never_taken_for_damage(text: str) -> None:
    assert [misread.undone_to_korean(text) for misread in EACH] == [None] * 3


@given(st.text())
def test_what_is_undone_can_be_damaged_again_to_the_same_text(text: str) -> None:
    for misread in EACH:
        meant = misread.undone(text)
        if meant is not None:
            raw = meant.encode(misread.meant)
            shown = (as_latin(raw), as_windows(raw)) if misread.read_as is None else (shown_by_cp949(raw),)
            assert text in shown


def shown_by_cp949(raw: bytes) -> str:
    """As Windows: 0x80 where a character begins is U+0080."""
    shown = ""
    while raw:
        width = 1 if raw[0] <= 0x80 else 2
        shown += "\x80" if raw[0] == 0x80 else raw[:width].decode("cp949")
        raw = raw[width:]
    return shown


@pytest.mark.parametrize("meant", ["가", "세부", "하우징 A-1", "청", "품목(金型)"])
def test_short_values_are_told(meant: str) -> None:
    assert CP949.undone_to_korean(as_latin(meant.encode("cp949"))) == meant
    assert UTF_8.undone_to_korean(as_windows(meant.encode())) == meant


def test_utf_8_that_was_read_as_cp949_comes_back_where_nothing_was_lost() -> None:
    assert shown_by_cp949("가".encode()) == "媛\x80"
    assert [UTF_8_AS_CP949.undone_to_korean(text) for text in ("媛\x80", "媛", "서울")] == ["가", None, None]
    meant = "공정 A-1"
    assert UTF_8_AS_CP949.undone_to_korean(meant.encode().decode("cp949")) == meant


@pytest.mark.parametrize("text", WESTERN)
def test_text_that_somebody_wrote_is_not_accused(text: str) -> None:
    assert [misread.undone_to_korean(text) for misread in EACH] == [None] * 3


def test_the_two_readings_are_not_mixed_in_one_text() -> None:
    assert Misread("cp949").undone("‚A\x82A") is None, "a program shows 0x82 as one or the other"


@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3)), st.text())
def test_every_syllable_is_composed_and_nothing_else_changes(meant: str, beside: str) -> None:
    assert composed(decomposed(meant)) == meant
    assert decomposed(composed(beside)) == decomposed(beside)


def test_hanja_and_accents_are_not_normalised() -> None:
    kept = "\uf90a e\u0301 \u1112 ㅎㅏㄴ \u114c\u1175"
    assert composed(f"{decomposed('한')}{kept}") == f"한{kept}", "a hanja of KS X 1001, NFD beyond Korean, lone jamo"
