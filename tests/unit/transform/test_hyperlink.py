"""Hyperlinks by the examples of Microsoft's reference, and such as have no exact reading."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.mapping.models import ColumnMapping
from pipeline.mapping.parts import HYPERLINK
from pipeline.transform.parts import part_step
from pipeline.transform.step import Stepped

MAPPING = ColumnMapping(hyperlink="split")


def split(*texts: str | None) -> list[Stepped]:
    return [part_step(str(part.step), MAPPING)(pl.Series(texts, dtype=pl.String)) for part in HYPERLINK]


@pytest.mark.parametrize(
    ("stored", "parts"),
    [
        ("#http://www.microsoft.com#", (None, "http://www.microsoft.com", None, None)),
        ("Microsoft#http://www.microsoft.com#", ("Microsoft", "http://www.microsoft.com", None, None)),
        ("Customers#shop.mdb#Form Customers", ("Customers", "shop.mdb", "Form Customers", None)),
        ("##Form Customers#Enter Information", (None, None, "Form Customers", "Enter Information")),
        ("a#b#c#d#", ("a", "b", "c", "d")),
        ("no link", ("no link", None, None, None)),
        ("a#http://x/y%23z#", ("a", "http://x/y%23z", None, None)),
        ("한글#문서.docx##", ("한글", "문서.docx", None, None)),
        ("####", (None, None, None, None)),
        ("", (None, None, None, None)),
        (None, (None, None, None, None)),
    ],
)
def test_parts(stored: str | None, parts: tuple[str | None, ...]) -> None:
    steps = split(stored)
    assert tuple(step.values[0] for step in steps) == parts
    assert all(step.refused is None for step in steps)


@pytest.mark.parametrize("stored", ["a#b#c#d#e", "a#b#c#d##", "#####"])
def test_more_marks_than_parts_are_refused_in_every_part(stored: str) -> None:
    for step in split("a#b", stored):
        assert step.refused is not None
        assert step.refused.to_list() == [False, True]


@given(st.text(alphabet="a#% ", max_size=12))
def test_what_is_not_refused_can_be_put_together_again(stored: str) -> None:
    steps = split(stored)
    if all(step.refused is None for step in steps):
        assert "#".join(step.values[0] or "" for step in steps).rstrip("#") == stored.rstrip("#")
