"""Page 0 of an Access file: what kind of file it is and whether its pages can be read."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from Crypto.Cipher import ARC4

from pipeline.errors import UnsupportedSource
from pipeline.sources.access.format import VERSIONS, Format

HEADER_SIZE = 2048
"""All of the smallest page 0."""

_SIGNATURES = (b"Standard Jet DB\0", b"Standard ACE DB\0")
_MONEY = b"MSISAM Database\0"
_MASK_KEY = bytes.fromhex("c7da396b")
_MASK_START = 0x18
_ENCRYPTION_INFO = 0x299


@dataclass(frozen=True, slots=True)
class Header:
    version: str
    format: Format
    code_page: int
    sort_order: int | None
    """LCID that text is ordered by; Jet 3 keeps it per column."""


def parse_header(page: bytes, name: str) -> Header:
    """Read page 0; raises UnsupportedSource unless it heads a readable Access file."""
    if page[4:20] == _MONEY:
        raise UnsupportedSource(f"{name}: is a Microsoft Money file, not an Access database")
    if len(page) < HEADER_SIZE or page[:4] != b"\0\1\0\0" or page[4:20] not in _SIGNATURES:
        raise UnsupportedSource(f"{name}: is not an Access database", hint="give an .accdb or .mdb file")
    if page[0x14] not in VERSIONS:
        raise UnsupportedSource(f"{name}: Access file version 0x{page[0x14]:02X} is not known")
    version, format = VERSIONS[page[0x14]]
    plain = unmask(page, format)
    if plain[0x3E:0x42] != bytes(4):
        raise UnsupportedSource(
            f"{name}: is encrypted ({_encryption(plain, format)}), and reading encrypted files comes later",
            hint="open it in Access, File > Info > Decrypt Database (or Remove Database Password), and use that copy",
        )
    sort_order = struct.unpack_from("<H", plain, 0x6E)[0] if format.wide else None
    return Header(version, format, struct.unpack_from("<H", plain, 0x3C)[0], sort_order)


def unmask(page: bytes, format: Format) -> bytes:
    """Page 0 with its header fields in the clear; Access hides them behind one fixed RC4 key."""
    end = _MASK_START + format.header_masked
    return page[:_MASK_START] + ARC4.new(_MASK_KEY).decrypt(page[_MASK_START:end]) + page[end:]


def _encryption(plain: bytes, format: Format) -> str:
    """Name the encryption: by the version and flags of EncryptionInfo ([MS-OFFCRYPTO] 2.3), else Jet's own."""
    size, major, minor, flags = struct.unpack_from("<HHHI", plain, _ENCRYPTION_INFO)
    if plain[4:20] == _SIGNATURES[0] or not size:
        return "Jet RC4"
    if (major, minor) == (4, 4):
        return "Office agile encryption, AES"
    return "Office standard encryption, AES" if flags & 0x20 else "Office RC4 CryptoAPI"
