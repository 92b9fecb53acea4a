"""Steps on text: what they change, what they refuse, and that nothing is lost unseen."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.misread import Misread
from pipeline.transform.step import Step
from pipeline.transform.text import Compose, Default, EmptyToNull, MapValues, NoNul, Repair, Trim


def text(*values: str | None) -> pl.Series:
    return pl.Series(values, dtype=pl.String)


def apply(step: Step, values: pl.Series) -> tuple[list[object], list[int], list[int]]:
    """Values, and the rows refused and lost."""
    stepped = step(values)
    refused, lost = (mask.arg_true().to_list() if mask is not None else [] for mask in (stepped.refused, stepped.lost))
    return stepped.values.to_list(), refused, lost


def test_korean_stored_as_latin_1_is_repaired_and_recorded() -> None:
    stored = text("ÇÑ±Û", "Ç°¸ñ A-1", "plain", None, "한글", "")
    assert apply(Repair(Misread("cp949")), stored) == (["한글", "품목 A-1", "plain", None, "한글", ""], [], [0, 1])


def test_text_that_may_be_either_is_refused_and_stays_as_it_was() -> None:
    assert apply(Repair(Misread("cp949")), text("café", "한é", "Ç")) == (["café", "한é", "Ç"], [0, 1, 2], [])


def test_bytes_that_windows_showed_as_its_own_characters_are_repaired() -> None:
    shown = "괔한".encode("cp949").decode("cp1252")
    assert shown == "‚AÇÑ", "0x82 is a quotation mark beyond Latin-1"
    assert apply(Repair(Misread("cp949")), text(shown, "‚AÇ")) == (["괔한", "‚AÇ"], [1], [0])


@given(st.lists(st.text(st.characters(codec="cp949", exclude_characters="\0"))))
def test_whatever_cp949_can_hold_comes_back(meant: list[str]) -> None:
    stored = text(*(value.encode("cp949").decode("latin-1") for value in meant))
    assert apply(Repair(Misread("cp949")), stored)[:2] == (meant, [])


@given(st.lists(st.text()))
def test_a_repair_never_fails_and_changes_only_what_it_records(values: list[str]) -> None:
    for codec in ("cp949", "utf-8", "utf-7", "utf-16"):
        after, refused, lost = apply(Repair(Misread(codec)), text(*values))
        changed = [i for i, (a, b) in enumerate(zip(values, after, strict=True)) if a != b]
        assert changed == lost
        assert not {*refused} & {*changed}


def test_of_a_mixed_column_only_what_becomes_korean_is_repaired_and_nothing_refused() -> None:
    stored = text("ÇÑ±Û", "한글", "café", "한é", "25°±2", "Ç", None)
    repaired = ["한글", "한글", "café", "한é", "25°±2", "Ç", None]
    assert apply(Repair(Misread("cp949"), only_korean=True), stored) == (repaired, [], [0])
    assert apply(Repair(Misread("cp949")), stored)[1:] == ([2, 3, 5], [0, 4]), "all of it, where nothing is sound"


def test_utf_8_that_was_read_as_cp949_is_repaired_beside_sound_korean() -> None:
    stored = text("공정".encode().decode("cp949"), "공정", "plain", None)
    misread = Misread("utf-8", "cp949")
    assert apply(Repair(misread, only_korean=True), stored) == (["공정", "공정", "plain", None], [], [0])
    assert apply(Repair(misread), stored) == (["공정", "공정", "plain", None], [1], [0])


def test_decomposed_korean_is_composed_and_recorded() -> None:
    stored = text("\u1112\u1161\u11ab\u1100\u1173\u11af 1", "한글", "e\u0301", None)
    assert apply(Compose(), stored) == (["한글 1", "한글", "e\u0301", None], [], [0])


@pytest.mark.parametrize(
    ("side", "expected"),
    [
        ("both", ["a b", "", "\ta\u3000", None]),
        ("left", ["a b ", "", "\ta\u3000 ", None]),
        ("right", [" a b", "", " \ta\u3000", None]),
    ],
)
def test_trim_cuts_blanks_and_no_other_white_space(side: str, expected: list[str | None]) -> None:
    assert apply(Trim(side), text(" a b ", "  ", " \ta\u3000 ", None)) == (expected, [], [0, 1, 2])


def test_empty_text_becomes_null_and_is_recorded() -> None:
    assert apply(EmptyToNull(), text("", None, " ")) == ([None, None, " "], [], [0])


def test_nul_is_refused_or_replaced_as_the_mapping_says() -> None:
    values = text("a\0b\0", "ab", None)
    assert apply(NoNul(replace=False), values) == (["a\0b\0", "ab", None], [0], [])
    assert apply(NoNul(replace=True), values) == (["a\ufffdb\ufffd", "ab", None], [], [0])


@pytest.mark.parametrize("size", [1, 12, 13, 20 << 20], ids=["a character", "12", "13", "more than is copied"])
def test_u0000_is_found_wherever_it_stands(size: int) -> None:
    texts = pl.Series(["x" * size, None, "x" * (size - 1) + "\0", ""])
    assert apply(NoNul(replace=False), texts.slice(0, 2))[1:] == ([], [])
    assert apply(NoNul(replace=False), texts)[1:] == ([2], [])
    assert apply(NoNul(replace=False), texts.slice(2, 1))[1:] == ([0], [])


@pytest.mark.parametrize(
    ("before", "values", "after", "expected", "lost"),
    [
        (["Y", "N"], ["Y", "N", None, "y"], [True, False], [True, False, None, None], []),
        ([True, False], [True, False, None, True], [1, 0], [1, 0, None, 1], []),
        ([1, 2], [1, 2, None, 3], ["one", None], ["one", None, None, None], [1]),
        (["Y", "y", "N"], ["y", "Y", "N", "n"], ["Y", "Y", "N"], ["Y", "Y", "N", None], [0]),
        (["Y", "y", "N"], ["y", "Y", "N", None], [1, 1, 0], [1, 1, 0, None], [0, 1]),
        ([Decimal("1.50")], [Decimal("1.5000"), None, None, Decimal("1.51")], ["x"], ["x", None, None, None], []),
    ],
)
def test_a_table_of_values_refuses_what_it_does_not_name_and_loses_what_it_merges(
    before: list[object], values: list[object], after: list[object], expected: list[object], lost: list[int]
) -> None:
    old = pl.Series(values)
    step = MapValues(pl.Series(before, dtype=old.dtype), pl.Series(after))
    unknown = [i for i, value in enumerate(values) if value is not None and value not in before]
    assert apply(step, old) == (expected, unknown, lost)


def test_a_default_takes_the_place_of_null_only() -> None:
    money = pl.Series([None, Decimal("0"), None], dtype=pl.Decimal(19, 4))
    one = pl.Series([Decimal("1.5")], dtype=pl.Decimal(19, 4))
    assert apply(Default(one), money) == ([Decimal("1.5"), Decimal(0), Decimal("1.5")], [], [0, 2])
