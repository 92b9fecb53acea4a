"""Encrypted twins of plain Access files, written from [MS-OFFCRYPTO] and not from the reader.

Only the ciphers themselves are shared with it. The reader is held to real files as well (tests/contract).
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from Crypto.Cipher import AES, ARC4

PASSWORD = "Pa55-나루"
PAGE_KEY = bytes.fromhex("a91fb3a1")
SALT = bytes(range(100, 116))
VERIFIER = bytes(range(200, 216))
INFO = 0x299
Encrypt = Callable[[int, bytes], bytes]
"""From the number that stands for a page, and its plain bytes, to its encrypted ones."""


def rc4(key: bytes, content: bytes) -> bytes:
    return ARC4.new(key).encrypt(content)


def u32(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def twin(plain: bytes, info: bytes, encrypt: Encrypt, *, page_size: int = 4096) -> bytes:
    """The file with its pages encrypted and the encryption described in page 0; `info` is empty for Jet's own."""
    masked = 0x18 + (126 if page_size == 2048 else 128)
    mask = bytes.fromhex("c7da396b")
    first = bytearray(plain[:page_size])
    first[0x18:masked] = rc4(mask, bytes(first[0x18:masked]))
    first[0x3E:0x42] = PAGE_KEY
    first[0x18:masked] = rc4(mask, bytes(first[0x18:masked]))
    if info:
        first[INFO : INFO + 2 + len(info)] = struct.pack("<H", len(info)) + info
    key = int.from_bytes(PAGE_KEY, "little")
    starts = range(page_size, len(plain), page_size)
    rest = (encrypt(key ^ at // page_size, plain[at : at + page_size]) for at in starts)
    return bytes(first) + b"".join(rest)


def jet_rc4() -> tuple[bytes, Encrypt]:
    return b"", lambda number, content: rc4(u32(number), content)


# ---- 2.3.4.10 and following: agile


@dataclass(frozen=True)
class Agile:
    """Agile encryption with a password key encryptor."""

    bits: int = 256
    hash_name: str = "SHA512"
    spins: int = 1000
    password: str = PASSWORD

    def hash(self, *parts: bytes) -> bytes:
        return hashlib.new(self.hash_name, b"".join(parts)).digest()

    def fitted(self, content: bytes, size: int) -> bytes:
        return (content + b"\x36" * size)[:size]

    def __call__(self) -> tuple[bytes, Encrypt]:
        secret = bytes(range(self.bits // 8))
        data_salt = SALT[::-1]

        def encrypt(number: int, content: bytes) -> bytes:
            vector = self.fitted(self.hash(data_salt, u32(number)), 16)
            return AES.new(secret, AES.MODE_CBC, vector).encrypt(content)

        return struct.pack("<HHI", 4, 4, 0x40) + self.xml(secret, data_salt).encode(), encrypt

    def xml(self, secret: bytes, data_salt: bytes) -> str:
        digest = self.hash(SALT, self.password.encode("utf-16-le"))
        for spin in range(self.spins):
            digest = self.hash(u32(spin), digest)

        def boxed(block: str, content: bytes) -> str:
            key = self.fitted(self.hash(digest, bytes.fromhex(block)), self.bits // 8)
            padded = content + bytes(-len(content) % 16)
            return base64.b64encode(AES.new(key, AES.MODE_CBC, SALT).encrypt(padded)).decode()

        both = (
            f'saltSize="16" blockSize="16" keyBits="{self.bits}" hashSize="{len(self.hash())}" cipherAlgorithm="AES"'
            f' cipherChaining="ChainingModeCBC" hashAlgorithm="{self.hash_name}"'
        )
        office = "http://schemas.microsoft.com/office/2006"
        return (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\r\n'
            f'<encryption xmlns="{office}/encryption" xmlns:p="{office}/keyEncryptor/password">'
            f'<keyData {both} saltValue="{base64.b64encode(data_salt).decode()}"/><keyEncryptors>'
            f'<keyEncryptor uri="{office}/keyEncryptor/password"><p:encryptedKey spinCount="{self.spins}" {both}'
            f' saltValue="{base64.b64encode(SALT).decode()}"'
            f' encryptedVerifierHashInput="{boxed("fea7d2763b4b9e79", VERIFIER)}"'
            f' encryptedVerifierHashValue="{boxed("d7aa0f6d3061344e", self.hash(VERIFIER))}"'
            f' encryptedKeyValue="{boxed("146e0be7abacd0d6", secret)}"/></keyEncryptor></keyEncryptors></encryption>'
        )


# ---- 2.3.2 to 2.3.5: standard and CryptoAPI


@cache
def spun(password: str, spins: int) -> bytes:
    digest = hashlib.sha1(SALT + password.encode("utf-16-le")).digest()
    for spin in range(spins):
        digest = hashlib.sha1(u32(spin) + digest).digest()
    return digest


@dataclass(frozen=True)
class CryptoApi:
    """RC4 of `bits` where `algorithm` is 0x6801, else AES."""

    algorithm: int
    bits: int
    spins: int = 50_000
    stated_bits: int | None = None
    password: str = PASSWORD

    def __call__(self) -> tuple[bytes, Encrypt]:
        return self.info(), lambda number, content: self.cipher(number).encrypt(content)

    @property
    def is_rc4(self) -> bool:
        return self.algorithm == 0x6801

    def cipher(self, number: int) -> Any:
        key = self.key(number)
        return ARC4.new(key) if self.is_rc4 else AES.new(key, AES.MODE_ECB)

    def key(self, number: int) -> bytes:
        final = hashlib.sha1(spun(self.password, 0 if self.is_rc4 else self.spins) + u32(number)).digest()
        if self.is_rc4:
            return final[:5] + bytes(11) if self.bits == 40 else final[: self.bits // 8]
        inner, outer = bytearray(b"\x36" * 64), bytearray(b"\x5c" * 64)
        for at, byte in enumerate(final):
            inner[at] ^= byte
            outer[at] ^= byte
        return (hashlib.sha1(inner).digest() + hashlib.sha1(outer).digest())[: self.bits // 8]

    def info(self) -> bytes:
        flags = 0x04 if self.is_rc4 else 0x24
        provider = "Microsoft Enhanced Cryptographic Provider v1.0\0".encode("utf-16-le")
        stated = self.bits if self.stated_bits is None else self.stated_bits
        header = u32(flags, 0, self.algorithm, 0x8004, stated, 1 if self.is_rc4 else 0x18, 0, 0) + provider
        cipher, digest = self.cipher(0), hashlib.sha1(VERIFIER).digest()
        verifier = cipher.encrypt(VERIFIER)
        digest = cipher.encrypt(digest if self.is_rc4 else digest + bytes(12))
        salted = u32(16) + SALT + verifier + u32(20) + digest
        return struct.pack("<HHI", 4 if self.is_rc4 else 3, 2, flags) + u32(len(header)) + header + salted
