"""Rich text of Access (HTML) as plain text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import unescape

import polars as pl

from pipeline.transform.step import Stepped, differs, somewhere

_BLOCKS = frozenset(("blockquote", "dd", "div", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre",
                     "table", "tr", "ul"))  # fmt: skip
# Not html.parser: it looks for the end of each unfinished tag anew, minutes for a megabyte of `<a `. No tag of this
# pattern reaches over the next `<`, so that a text is read once, whatever it holds.
_TAG = re.compile(r"""<(?:/?([A-Za-z][A-Za-z0-9]*)(?:[\s/](?:[^<>"']|"[^<"]*"|'[^<']*')*)?|[!?][^<>]*)>""")


@dataclass(frozen=True, slots=True)
class StripTags:
    """Tags go, entities become characters, a block and `<br>` begin a line.

    What is no tag, as the `<` of `5 < 6`, is text. A value without any mark-up stays as it is; one with a number of
    a character that is beyond reading is refused.
    """

    name: str = "rich_text"

    def __call__(self, values: pl.Series) -> Stepped:
        marked = values.str.contains("[<&]").fill_null(value=False)
        if not marked.any():
            return Stepped(values)
        texts = [_plain(text) for text in values.filter(marked).to_list()]
        plain = values.clone().scatter(marked.arg_true(), pl.Series(texts, dtype=pl.String))  # it changes its series
        return Stepped(plain, somewhere(values.is_not_null() & plain.is_null()), differs(values, plain))


def _plain(html: str) -> str | None:
    """A line is due where a block begins or ends, and comes with the next text: blocks within blocks make one."""
    lines, at, due, broken = [""], 0, False, False
    try:
        for tag in [*_TAG.finditer(html), None]:
            text = html[at : tag.start() if tag else None]
            if broken:  # Access ends the line of its HTML there, which shows nothing
                text = text.lstrip("\r\n")
            if text:
                lines += ["\n" if due else "", unescape(text)]
                due = broken = False
            if tag:
                at = tag.end()
                name = (tag[1] or "").lower()
                lines += ["\n"] if name == "br" else []
                due = due or (name in _BLOCKS and len(lines) > 1)
                broken = broken or name == "br" or name in _BLOCKS
    except ValueError:  # `&#` and thousands of digits
        return None
    return "".join(lines)
