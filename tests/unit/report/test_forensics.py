"""What is said of damaged columns: shares, samples that can be told apart, and how far was read."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from pipeline.evidence import Damage, Sample, TextEvidence
from pipeline.report.forensics import print_evidence


def said(column: TextEvidence, rows: int | None = None) -> list[str]:
    out = StringIO()
    print_evidence(Console(file=out, width=200), [column], {("t", "c"): "c: {encoding: {repair: cp949}}"}, rows)
    return [line for line in out.getvalue().splitlines() if line]


def test_a_damaged_column_is_said_with_its_line() -> None:
    damage = Damage("cp949_as_latin", "CP949", 1, (Sample("°¡\x85\n", "가"),))
    doubted = (Sample("café", None), Sample("µm", "돲"))
    column = TextEvidence("t", "c", 5000, 2, 4000, (damage,), 2, doubted, {"repair": "cp949", "only": "korean"})
    assert said(column) == [
        "t.c: 5,000 values, 4,000 of them sound Korean",
        "  2 cells are no text in their own encoding",
        "  1 values (less than 0.1%): CP949",
        r"      °¡\x85\n  ->  가",
        "  2 other values beyond ASCII stay as they are by `only: korean`; the repair of all would make",
        "      café  ->  a reject",
        "      µm  ->  돲",
        "  mapping: c: {encoding: {repair: cp949}}",
        "encoding: 1 of 1 text columns hold damaged text: all readable rows, 5,000 values",
    ]


def test_decomposed_letters_are_shown_as_what_they_are() -> None:
    damage = Damage("decomposed", "NFD", 3, (Sample("\u1100\u1161", "가"),))
    column = TextEvidence("t", "c", 4, 0, 0, (damage,), 0, (), {"compose": "hangul"})
    assert r"      \u1100\u1161  ->  가" in said(column)
    assert "  3 values (75.0%): NFD" in said(column)


def test_what_is_lost_has_no_after_and_a_sample_is_called_one() -> None:
    column = TextEvidence("t", "c", 1, 0, 0, (Damage("replaced", "lost", 1, (Sample("\ufffd", None),)),), 0, (), None)
    assert "      \ufffd" in said(column)
    assert said(column, rows=9)[-1].endswith("the first 9 rows of each table, 1 values")
    sound = TextEvidence("t", "c", 1, 0, 1, (), 0, (), None)
    assert said(sound) == ["encoding: no damaged text: all readable rows, 1 values"]
