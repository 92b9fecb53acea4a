"""Code pages: names that they cannot read, and the suspicion that one is wrong."""

from __future__ import annotations

import pytest

from pipeline.sources.access.pages.codepage import Names, looks_like

KOREAN = ["품목코드와 이름", "라우팅 번호", "생산관리팀"]


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
