"""Code pages and their codecs."""

from __future__ import annotations

import pytest

from pipeline.sources.codepage import codec_of


@pytest.mark.parametrize(
    ("given", "codec"),
    [(949, "cp949"), ("949", "cp949"), ("euc-kr", "cp949"), (1252, "cp1252"), (936, "gbk"), ("CP932", "cp932")],
)
def test_codec_of(given: int | str, codec: str) -> None:
    assert codec_of(given) == codec


@pytest.mark.parametrize("given", [0, 99999, "nonsense", "hex", "", "\0", "9" * 10_000, "٩٤٩"])
def test_what_is_no_code_page(given: int | str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        codec_of(given)
