"""Korean damaged in each way that is recognised, and text that must not be taken for it."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

_WINDOWS = {byte: bytes((byte,)).decode("cp1252", "ignore") or chr(byte) for byte in range(256)}


def as_windows(raw: bytes) -> str:
    """What Windows shows bytes as in code page 1252: those without a character as controls."""
    return "".join(_WINDOWS[byte] for byte in raw)


def as_latin(raw: bytes) -> str:
    return raw.decode("latin-1")


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


COMMON = "".join(bytes((lead, trail)).decode("euc_kr") for lead in range(0xB0, 0xC9) for trail in range(0xA1, 0xFF))
korean_words = st.lists(st.text(st.sampled_from(COMMON), min_size=2, max_size=6), min_size=1).map(" ".join)

WESTERN = [
    "café",
    "crème brûlée",
    "créée",
    "naïve",
    "Noël",
    "Ångström",
    "µm",
    "10 µm ±0.5",
    "±0.5",
    "25°±2",
    "90°±1°",
    "120°±5'",
    "25 °C",
    '½"',
    "¼ - ½",
    "m²",
    "cm²/s",
    "Ø50 h7",
    "Ø 12 ±0,1",
    "§ 12 Abs. 3",
    "£100",
    "€ 5",
    "© 2020 Müller",
    "Straße",
    "GRÖSSE",
    "ÄÖÜ",
    "äöüß",
    "Señor",
    "¿Qué?",
    "¿Él viene?",
    "¿Éxito total?",
    "INFORMAÇÃO",
    "AÇÃO",
    "AÇÕES",
    "SÃO PAULO",
    "SITUAÇÕES E AÇÕES",
    "coração",
    "Ærøskøbing",
    "Åse",
    "ÅÄÖ",
    "Çağlar",
    "FRANÇAIS",
    "Łódź",
    "Dvořák",
    "Þór",
    "«À bientôt»",
    "« Été »",
    "»Ähnlich«",
    "l’été",
    "“déjà vu” – oui",
    "1º",
    "2ª",
    "Nº 5",
    "x²·y³",
    "····",
    "°°°°",
    "ÄÄÄÄÄÄ",
    "¹²³",
    "¼½¾",
    "5×10³",
    "Ελλάδα",
    "Привет",
    "日本語",
    "ÉCOLE ÉLÉMENTAIRE",
    "DÉJÀ VU",
    "NAÏVETÉ",
    "MAÏS",
    "PÂQUES",
    "GÜÇLÜ",
    "LIÇÕES",
    "EXCEÇÕES",
    "MAÇÃ",
    "É",
    "°",
    "±",
    "µ",
    "37,5°±½",
    "CŒUR",
    "…",
    "–",
    "™",
    "§§ 12",
    "ㅋㅋㅋ",
    "ㄱ. 가",
    "한글 ±0.5",
    "서울·부산",
    "ﾊﾝｶｸ",
    "金哲洙",
    "really??",
]
