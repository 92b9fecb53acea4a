"""Which scheme a file has, and whether a password opens it."""

from __future__ import annotations

import struct

from pipeline.errors import PasswordError
from pipeline.sources.access.encryption.agile import agile
from pipeline.sources.access.encryption.cryptoapi import crypto_api
from pipeline.sources.access.encryption.jet import jet_rc4
from pipeline.sources.access.encryption.scheme import Decrypt, Locked, Scheme

_KEY = slice(0x3E, 0x42)
_INFO = 0x299
"""Length (u16) and content of EncryptionInfo, in page 0 of ACE."""


def find_scheme(page: bytes, file: str, *, ace: bool) -> Scheme | None:
    """What an unmasked page 0 says; None for a plain file. Raises UnsupportedSource and DamagedSource."""
    if page[_KEY] == bytes(4):
        return None
    if not ace:
        return jet_rc4(Locked(file, page[_KEY], b""))
    (size,) = struct.unpack_from("<H", page, _INFO)
    locked = Locked(file, page[_KEY], page[_INFO + 2 : _INFO + 2 + size])
    if len(locked.info) < size or size < 8:
        raise locked.damaged(f"it is said to have {size} bytes")
    return _office(locked)


def _office(locked: Locked) -> Scheme:
    """By the version of EncryptionInfo; the major one is that of the writer, and not told apart in x.2."""
    major, minor = struct.unpack_from("<HH", locked.info)
    match major, minor:
        case 4, 4:
            return agile(locked)
        case 2 | 3 | 4, 2:
            return crypto_api(locked)
        case 1, 1:
            raise locked.unsupported("RC4 of Office 97 (EncryptionInfo 1.1)")
        case 3 | 4, 3:
            raise locked.unsupported("an extensible provider (EncryptionInfo 4.3)")
        case _:
            raise locked.unsupported(f"an unknown scheme (EncryptionInfo {major}.{minor})")


def unlock(scheme: Scheme, password: str | None, file: str) -> Decrypt:
    """The pages in the clear; raises PasswordError, which tells a missing password from a wrong one.

    No error shows the password or is chained to one that does: UnicodeEncodeError holds all of its text.
    """
    if scheme.needs_password and not password:
        raise PasswordError(
            f"{file}: is encrypted with {scheme.name}, and no password is given",
            hint="set ACCESS_PASSWORD, or pass --password-stdin and give it on standard input",
        )
    try:
        decrypt = scheme.unlock((password or "").encode("utf-16-le"))
    except UnicodeEncodeError:
        decrypt = None
    if decrypt is None:
        raise PasswordError(
            f"{file}: the password does not open it ({scheme.name})",
            hint="upper and lower case count; look at ACCESS_PASSWORD, or pass --password-stdin",
        )
    return decrypt
