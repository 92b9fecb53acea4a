"""Code pages: their codecs, names that they cannot read, and the suspicion that one is wrong."""

from __future__ import annotations

import pytest

from pipeline.sources.access.pages.codepage import Names, codec_of, looks_like

KOREAN = ["품목코드와 이름", "라우팅 번호", "생산관리팀"]


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


def test_names_that_cannot_be_decoded_stay_apart() -> None:
    names = Names("cp1252")
    assert [names.decode(raw) for raw in (b"caf\xe9", b"a\x81", b"a\x8d")] == ["café", "a\\x81", "a\\x8d"]
    assert names.undecodable == ["a\\x81", "a\\x8d"]


@pytest.mark.parametrize(
    ("texts", "codec", "expected"),
    [
        (KOREAN, "cp949", "949 (Korean)"),
        (["数据库的名称", "生产计划和订单"], "gbk", "936 (Chinese, simplified)"),
        (["製品番号の一覧", "日本語の文字列です"], "cp932", "932 (Japanese)"),
        (["Ärger mit Öl", "Übermäßig große Bäume", "Äcker", "Ärzte", "Ämter", "Öde"], "cp1252", None),
        (["ÉCOLE SUPÉRIEURE", "garçon à l'âge", "ÀÈÉÊ"], "cp1252", None),
        (["plain"], "ascii", None),
        ([], "ascii", None),
    ],
)
def test_what_texts_look_like(texts: list[str], codec: str, expected: str | None) -> None:
    assert looks_like(text.encode(codec) for text in texts) == expected
