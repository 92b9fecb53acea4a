from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.decode import Undecodable
from pipeline.transform.hierarchy import RANGES, hierarchy_path

PUBLISHED = {
    # [MS-SSCLRT] 3.2
    "58": "/1/",
    "59FB0540": "/1/-2.18/",
    # What SQL Server shows, in answers to "How is HierarchyId stored in SQL Server" (Stack Overflow 70595567)
    "": "/",
    "48": "/0/",
    "5AC0": "/1/1/",
    "62C0": "/1.1/",
    "68": "/2/",
    "E02540": "/98/",
}
Path = list[list[int]]
"""Levels, each of one label or several with dots between them."""
FIRST, LAST = RANGES[0].first, 281_479_271_683_151
EDGES = [FIRST, LAST - 1, *(label for one in RANGES[1:] for label in (one.first - 1, one.first, one.first + 1))]
# Before a dot the label is written as the next one, so that one more than the last has no form.
LABELS = st.sampled_from(EDGES) | st.integers(-100, 6000) | st.integers(FIRST, LAST - 1)
PATHS = st.lists(st.lists(LABELS, min_size=1, max_size=3), max_size=4)


def written(label: int) -> str:
    """The bits of one label, by the table's forms."""
    range_ = max((one for one in RANGES if one.first <= label), key=lambda one: one.first)
    distance = iter(f"{label - range_.first:0{range_.form.count('x')}b}")
    return "".join(next(distance) if bit == "x" else bit for bit in range_.form)


def packed(bits: str) -> bytes:
    return bytes(int(bits[at : at + 8].ljust(8, "0"), 2) for at in range(0, len(bits), 8))


def encode(path: Path) -> bytes:
    return packed(
        "".join("".join(f"{written(label + 1)}0" for label in level[:-1]) + f"{written(level[-1])}1" for level in path)
    )


def show(path: Path) -> str:
    return "/" + "".join(f"{'.'.join(map(str, level))}/" for level in path)


@pytest.mark.parametrize(("raw", "path"), PUBLISHED.items())
def test_published_values(raw: str, path: str) -> None:
    assert hierarchy_path(bytes.fromhex(raw)) == path


def test_the_ranges_leave_no_gap() -> None:
    ends = [one.first + 2 ** one.form.count("x") for one in RANGES]
    assert ends == [one.first for one in RANGES[1:]] + [LAST + 1]
    assert [len(one.form) for one in RANGES[:5]] == sorted((len(one.form) for one in RANGES[:5]), reverse=True)


@given(PATHS)
def test_a_path_comes_back(path: Path) -> None:
    assert hierarchy_path(encode(path)) == show(path)


@given(PATHS, PATHS)
def test_bytes_sort_as_the_tree_does(a: Path, b: Path) -> None:
    """What the type is for, and what a wrong row of the table would break. `/1.1/` comes after all under `/1/`."""

    def order(path: Path) -> list[tuple[int, int]]:
        return [(label, -int(at == len(level) - 1)) for level in path for at, label in enumerate(level)]

    assert (encode(a) < encode(b)) == (order(a) < order(b))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("00", "goes on after its end"),
        ("5800", "goes on after its end"),
        ("50", "ends within a level"),  # /1 and a dot
        ("5B", "no label at bit 5"),
        ("08", "no label at bit 0"),  # of no range
        ("FF", "no label at bit 0"),
        ("E0", "no label at bit 0"),  # cut off
        ("C820", "no label at bit 0"),  # /16/ with the bit that must be 0 as 1
        ("58" * 893, "has 893 bytes"),
    ],
)
def test_what_sql_server_does_not_write_is_refused(raw: str, why: str) -> None:
    with pytest.raises(Undecodable, match=why):
        hierarchy_path(bytes.fromhex(raw))


@given(st.binary(max_size=40))
def test_bytes_are_refused_or_the_only_form_of_their_path(value: bytes) -> None:
    try:
        path = hierarchy_path(value)
    except Undecodable:
        return
    levels = [[int(label) for label in level.split(".")] for level in path[1:-1].split("/")] if path != "/" else []
    assert encode(levels) == value


def test_the_longest_path_is_read() -> None:
    path = [[1]] * (892 * 8 // 5)
    assert len(encode(path)) == 892
    assert hierarchy_path(encode(path)) == show(path)


def test_no_range_begins_as_another_does() -> None:
    prefixes = sorted(one.form[: one.form.index("x")] for one in RANGES)
    assert not any(longer.startswith(shorter) for shorter, longer in pairwise(prefixes))
