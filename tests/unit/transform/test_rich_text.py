from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.transform.rich_text import StripTags


@pytest.mark.parametrize(
    ("html", "plain"),
    [
        ("<div>one</div>\r\n\r\n<div>two &amp; three</div>", "one\ntwo & three"),
        ("<div><font face=Arial size=3 color=\"#ED1C24\"><strong>품목</strong></font><br>\r\nA</div>", "품목\nA"),
        ("<ul><li>a</li><li>b</li></ul>c", "a\nb\nc"),
        ("<div>&nbsp;</div>\r\n<div>x</div>", "\xa0\nx"),
        ("5 &lt; 6", "5 < 6"),
        ("5 < 6 and 7 > 6", "5 < 6 and 7 > 6"),
        ('<a title="a > b" href=x>link</a>', "link"),
        ("<!-- note -->x<?xml y?>", "x"),
        ("no mark-up,\r\n at all", "no mark-up,\r\n at all"),
        ("<b", "<b"),
        ("", ""),
        (None, None),
    ],
)  # fmt: skip
def test_text_without_its_tags(html: str | None, plain: str | None) -> None:
    stepped = StripTags()(pl.Series([html], dtype=pl.String))
    assert stepped.values.to_list() == [plain]
    assert stepped.refused is None
    assert (stepped.lost is not None) == (html != plain)


def test_an_endless_number_is_refused_and_its_neighbours_are_not() -> None:
    stepped = StripTags()(pl.Series(["<b>a</b>", f"&#{'9' * 5000};", None]))
    assert stepped.values.to_list() == ["a", None, None]
    assert stepped.refused is not None
    assert stepped.refused.to_list() == [False, True, False]


@pytest.mark.timeout(60)
@pytest.mark.parametrize("piece", ["<a ", "<!--", "<", "</", "<a x='", "&", "&#1", "<div>", '<a href="', "<![CDATA["])
def test_megabytes_of_unfinished_mark_up_are_read_once(piece: str) -> None:
    """What looks for the end of each tag anew takes hours here."""
    StripTags()(pl.Series([piece * 1_000_000]))


@given(st.text(alphabet="<>/&;#a1 \n\"'!?=bdiv", max_size=40))
def test_no_text_fails_and_text_without_marks_is_kept(text: str) -> None:
    stepped = StripTags()(pl.Series([text]))
    assert stepped.refused is None
    if not {"<", "&"} & {*text}:
        assert stepped.values[0] == text
