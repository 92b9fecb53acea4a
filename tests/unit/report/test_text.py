from __future__ import annotations

import io

import pytest
from rich.console import Console

from pipeline.outcome import Level, RunOutcome, TableOutcome, Verdict
from pipeline.report.text import print_outcome

NAME = "public.sales_lt_product_model_product_description"
COUNTS = (12_345_678, 12_345_600, 78, 9_000, 1_234_567)


def shown(width: int) -> str:
    row = TableOutcome("T", NAME, *COUNTS, seconds=10)
    out = Console(file=io.StringIO(), width=width)
    outcome = RunOutcome("1", "shop", "postgresql://h/d", (row,), (), (), 10, Verdict.COMPLETE, Level.COUNTS, None)
    print_outcome(out, outcome)
    assert isinstance(out.file, io.StringIO)
    return out.file.getvalue().partition("verified")[0]


def test_80_columns_hold_every_digit_and_the_whole_name() -> None:
    text = shown(80)
    assert {f"{count:,}" for count in (*COUNTS, 1_234_568)} <= set(text.split())
    assert "".join(line.split()[0] for line in text.splitlines()[3:] if line.strip()) == NAME
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("width", range(20, 80, 6))
def test_a_number_that_has_no_room_is_never_another_number(width: int) -> None:
    whole = {f"{count:,}" for count in (*COUNTS, 1_234_568)}
    numbers = {word for word in shown(width).split() if word[0].isdigit()}
    assert all(word in whole or word.endswith("…") for word in numbers)
