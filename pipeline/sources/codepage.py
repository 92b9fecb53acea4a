"""Which codec of Python reads a code page of Windows."""

from __future__ import annotations

import codecs

UTF_16 = "utf-16-le"
_ASCII = bytes(range(0x80))

_CODECS = {936: "gbk", 10000: "mac_roman", 65001: "utf-8"}
"""Code pages that Python does not know as `cp` and the number."""
_KOREAN = ("euc-kr", "euc_kr", "ks_c_5601-1987", "ksc5601", "korean", "uhc", "ms949")
"""Names under which Windows means code page 949, a superset of EUC-KR."""


def codec_of(code_page: int | str) -> str:
    """Name of the Python codec for a code page number or encoding name; raises ValueError.

    One that reads ASCII as other characters, as EBCDIC does, is refused: text that is all ASCII is not decoded at all.
    """
    text = str(code_page).strip().lower()
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 6 else None
    name = "cp949" if text in _KOREAN else text if number is None else _CODECS.get(number, f"cp{number}")
    try:
        found = codecs.lookup(name)
        same = _ASCII.decode(found.name) == _ASCII.decode("ascii")
    except (LookupError, ValueError) as error:
        raise ValueError(f"code page {code_page!r} is not known") from error
    if not same:
        raise ValueError(f"code page {code_page!r} is not known: it reads ascii as other characters")
    return found.name
