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


@pytest.mark.parametrize("given", [37, 500, 864, "shift_jis_2004", "utf-16", "utf-7", "hz", "iso2022_kr"])
def test_a_codec_that_reads_ascii_as_something_else_is_refused(given: int | str) -> None:
    with pytest.raises(ValueError, match="is not known"):
        codec_of(given)


_OF_WINDOWS = [437, 850, 866, 874, 932, 936, 949, 950, *range(1250, 1259), 10000, 65001]


@pytest.mark.parametrize("given", _OF_WINDOWS)
def test_every_code_page_of_a_collation_is_known(given: int) -> None:
    assert b"a~\\".decode(codec_of(given)) == "a~\\"
