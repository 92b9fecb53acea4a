"""RC4 CryptoAPI and AES standard: [MS-OFFCRYPTO] 2.3.2 to 2.3.5, SHA-1 throughout.

Both hash salt and password once; AES hashes 50,000 times more. The key of a page is derived from that and
the page's own block key, so each page has a key of its own.
"""

from __future__ import annotations

import hashlib
import hmac
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from Crypto.Cipher import AES, ARC4

from pipeline.sources.access.encryption.scheme import Decrypt, Locked, Scheme

_VERSION_AND_FLAGS = 8
_FLAG_AES = 0x20
_RC4, _AES = 0x6801, {0x660E: 128, 0x660F: 192, 0x6610: 256}
_SHA1 = 0x8004
_SALT = 16
_SPINS = (50_000, 0)
"""[MS-OFFCRYPTO] asks for 50,000. None where AES was turned on by the registry for RC4's users (CompatMode 0)."""

KeyOf: TypeAlias = Callable[[bytes], bytes]
"""From a block key to the key of that block."""


@dataclass(frozen=True, slots=True)
class _Info:
    """EncryptionHeader and EncryptionVerifier."""

    algorithm: int
    hash_algorithm: int
    key_bits: int
    salt: bytes
    verifier: bytes
    verifier_hash: bytes


def crypto_api(locked: Locked) -> Scheme:
    """The scheme of EncryptionInfo x.2; raises DamagedSource and UnsupportedSource."""
    info = _parse(locked)
    if info.hash_algorithm not in (0, _SHA1):
        raise locked.unsupported(f"a hash algorithm 0x{info.hash_algorithm:04X}")
    if info.algorithm == _RC4:
        return _rc4(locked, info)
    if info.algorithm in _AES:
        return _aes(locked, info)
    raise locked.unsupported(f"an algorithm 0x{info.algorithm:04X}")


def _parse(locked: Locked) -> _Info:
    """Fields in their fixed places; the name of the provider, between them, is not needed."""
    try:
        flags, header_size = struct.unpack_from("<4xII", locked.info)
        _, _, algorithm, hash_algorithm, key_bits = struct.unpack_from("<5I", locked.info, _VERSION_AND_FLAGS + 4)
        if not 32 <= header_size <= len(locked.info):
            raise locked.damaged(f"a header of {header_size} bytes")
        at = _VERSION_AND_FLAGS + 4 + header_size
        (salt_size,) = struct.unpack_from("<I", locked.info, at)
        if salt_size != _SALT:
            raise locked.damaged(f"a salt of {salt_size} bytes instead of {_SALT}")
        algorithm = algorithm or (0x660E if flags & _FLAG_AES else _RC4)
        stored = 32 if algorithm in _AES else 20
        salt, verifier, hash_size, verifier_hash = struct.unpack_from(f"<16s16sI{stored}s", locked.info, at + 4)
    except struct.error:
        raise locked.damaged(f"it ends after {len(locked.info)} bytes") from None
    if hash_size != hashlib.sha1(usedforsecurity=False).digest_size:
        raise locked.damaged(f"a verifier of {hash_size} bytes instead of 20")
    return _Info(algorithm, hash_algorithm, key_bits, salt, verifier, verifier_hash)


def _rc4(locked: Locked, info: _Info) -> Scheme:
    bits = info.key_bits or 40
    if bits % 8 or not 40 <= bits <= 128:
        raise locked.damaged(f"an RC4 key of {bits} bits")

    def unlock(password: bytes) -> Decrypt | None:
        base = _sha1(info.salt, password)

        def key_of(block: bytes) -> bytes:
            key = _sha1(base, block)[: bits // 8]
            return key.ljust(16, b"\0") if bits == 40 else key  # CryptoAPI pads its 40-bit keys

        return _checked(locked, info, key_of, ARC4.new)

    return Scheme(f"RC4-{bits} (Office CryptoAPI)", unlock)


def _aes(locked: Locked, info: _Info) -> Scheme:
    bits = info.key_bits or _AES[info.algorithm]
    if bits != _AES[info.algorithm]:
        raise locked.damaged(f"an AES key of {bits} bits for algorithm 0x{info.algorithm:04X}")

    def unlock(password: bytes) -> Decrypt | None:
        tried = (_derived_key(_sha1(info.salt, password), spins, bits // 8) for spins in _SPINS)
        opened = (_checked(locked, info, key_of, lambda key: AES.new(key, AES.MODE_ECB)) for key_of in tried)
        return next((decrypt for decrypt in opened if decrypt), None)

    return Scheme(f"AES-{bits} (Office standard)", unlock)


def _derived_key(base: bytes, spins: int, size: int) -> KeyOf:
    """CryptDeriveKey of [MS-OFFCRYPTO] 2.3.4.7."""
    for spin in range(spins):
        base = _sha1(struct.pack("<I", spin), base)

    def key_of(block: bytes) -> bytes:
        final = _sha1(base, block).ljust(64, b"\0")
        halves = (_sha1(bytes(byte ^ pad for byte in final)) for pad in (0x36, 0x5C))
        return b"".join(halves)[:size]

    return key_of


def _checked(locked: Locked, info: _Info, key_of: KeyOf, cipher: Callable[[bytes], Any]) -> Decrypt | None:
    """The pages, if the key of block 0 opens the verifier; one stream covers verifier and hash."""
    opening = cipher(key_of(bytes(4)))
    verifier, stored = opening.decrypt(info.verifier), opening.decrypt(info.verifier_hash)
    if not hmac.compare_digest(_sha1(verifier), stored[:20]):
        return None

    def decrypt(page: int, content: bytes) -> bytes:
        plain: bytes = cipher(key_of(locked.block_key(page))).decrypt(content)
        return plain

    return decrypt


def _sha1(*parts: bytes) -> bytes:
    return hashlib.sha1(b"".join(parts), usedforsecurity=False).digest()
