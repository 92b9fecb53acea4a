"""Page 0 of an Access file: what kind of file it is and whether its pages can be read."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from Crypto.Cipher import ARC4

from pipeline.errors import UnsupportedSource
from pipeline.sources.access.encryption import Scheme, find_scheme
from pipeline.sources.access.pages.format import VERSIONS, Format

HEADER_SIZE = 4096
"""All of the largest page 0; no file has less, as it has three pages."""

_SMALLEST_PAGE = 2048
_JET, _ACE = b"Standard Jet DB\0", b"Standard ACE DB\0"
_MONEY = b"MSISAM Database\0"
_MASK_KEY = bytes.fromhex("c7da396b")
_MASK_START = 0x18


@dataclass(frozen=True, slots=True)
class Header:
    version: str
    format: Format
    code_page: int
    sort_order: int | None
    """LCID that text is ordered by; Jet 3 keeps it per column."""
    scheme: Scheme | None
    """How the pages are encrypted, if they are."""
    has_password: bool
    """The pages are plain, and Access alone asks for a password before it opens them."""


def parse_header(page: bytes, name: str) -> Header:
    """Read page 0; raises UnsupportedSource for what is no Access file that we read, and DamagedSource."""
    if page[4:20] == _MONEY:
        raise UnsupportedSource(f"{name}: is a Microsoft Money file, not an Access database")
    if len(page) < _SMALLEST_PAGE or page[:4] != b"\0\1\0\0" or page[4:20] not in (_JET, _ACE):
        raise UnsupportedSource(f"{name}: is not an Access database", hint="give an .accdb or .mdb file")
    if page[0x14] not in VERSIONS:
        raise UnsupportedSource(f"{name}: Access file version 0x{page[0x14]:02X} is not known")
    version, format = VERSIONS[page[0x14]]
    plain = unmask(page, format)
    scheme = find_scheme(plain, name, ace=page[4:20] == _ACE)
    sort_order = struct.unpack_from("<H", plain, 0x6E)[0] if format.wide else None
    return Header(
        version,
        format,
        code_page=struct.unpack_from("<H", plain, 0x3C)[0],
        sort_order=sort_order,
        scheme=scheme,
        has_password=scheme is None and _has_password(plain, format),
    )


def unmask(page: bytes, format: Format) -> bytes:
    """Page 0 with its header fields in the clear; Access hides them behind one fixed RC4 key."""
    end = _MASK_START + format.header_masked
    return page[:_MASK_START] + ARC4.new(_MASK_KEY).decrypt(page[_MASK_START:end]) + page[end:]


def _has_password(plain: bytes, format: Format) -> bool:
    """Whether a database password stands in page 0.

    Jet 4 and ACE mask it with the day of the file's making, so that even an empty one is not all zeros.
    """
    if not format.wide:
        return plain[0x42:0x56] != bytes(20)
    (made,) = struct.unpack_from("<d", plain, 0x72)
    day = int(made) if abs(made) < 1 << 31 else 0  # not so for NaN either
    return plain[0x42:0x6A] != struct.pack("<i", day) * 10
