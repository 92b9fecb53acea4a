"""AES agile: [MS-OFFCRYPTO] 2.3.4.10 to 2.3.4.13. A random key encrypts the pages, and the password that key."""

from __future__ import annotations

import base64
import hashlib
import hmac
import struct
from dataclasses import dataclass
from xml.etree import ElementTree

from Crypto.Cipher import AES

from pipeline.sources.access.encryption.scheme import Decrypt, Locked, Scheme

_XML_START = 8
"""After version and flags."""
_NAMESPACE = "{http://schemas.microsoft.com/office/2006/encryption}"
_PASSWORD = "{http://schemas.microsoft.com/office/2006/keyEncryptor/password}"  # noqa: S105  # a namespace
_HASHES = {"SHA1": "sha1", "SHA-1": "sha1", "SHA256": "sha256", "SHA384": "sha384", "SHA512": "sha512"}
_MOST_SPINS = 1_000_000
"""Access writes 100,000. The specification allows 10 million: seconds of work that a hostile file could ask for."""
_LONGEST_SALT = 64
_BLOCK = AES.block_size
_VERIFIER_INPUT = bytes.fromhex("fea7d2763b4b9e79")
_VERIFIER_HASH = bytes.fromhex("d7aa0f6d3061344e")
_KEY_VALUE = bytes.fromhex("146e0be7abacd0d6")


@dataclass(frozen=True, slots=True)
class _Cipher:
    """What keyData and encryptedKey both say."""

    hash_name: str
    salt: bytes
    key_size: int

    def hash(self, *parts: bytes) -> bytes:
        return hashlib.new(self.hash_name, b"".join(parts), usedforsecurity=False).digest()

    def vector(self, *parts: bytes) -> bytes:
        """Start vector of a block: the salt, or its hash with the block's own key."""
        return _fit(self.hash(self.salt, *parts) if parts else self.salt, _BLOCK)


@dataclass(frozen=True, slots=True)
class _KeyBox:
    """encryptedKey: the key of the pages, behind the password."""

    cipher: _Cipher
    spins: int
    verifier_input: bytes
    verifier_hash: bytes
    key_value: bytes

    def open(self, password: bytes) -> bytes | None:
        """The key of the pages, or None for a wrong password."""
        cipher, digest = self.cipher, self.cipher.hash(self.cipher.salt, password)
        hash_of = getattr(hashlib, cipher.hash_name)  # the constructor itself: three times faster than hashlib.new
        for spin in range(self.spins):
            digest = hash_of(struct.pack("<I", spin) + digest).digest()

        def opened(box: bytes, block: bytes) -> bytes:
            key = _fit(cipher.hash(digest, block), cipher.key_size)
            return AES.new(key, AES.MODE_CBC, cipher.vector()).decrypt(box)

        verifier = opened(self.verifier_input, _VERIFIER_INPUT)[: len(cipher.salt)]
        expected = cipher.hash(verifier)
        if not hmac.compare_digest(expected, opened(self.verifier_hash, _VERIFIER_HASH)[: len(expected)]):
            return None
        return opened(self.key_value, _KEY_VALUE)


def agile(locked: Locked) -> Scheme:
    """The scheme of EncryptionInfo 4.4; raises DamagedSource and UnsupportedSource."""
    root = _parse(locked)
    data = root.find(f"{_NAMESPACE}keyData")
    box = root.find(f".//{_PASSWORD}encryptedKey")
    if data is None:
        raise locked.damaged("it has no keyData")
    if box is None:
        raise locked.unsupported("a certificate, not a password")
    pages, key_box = _cipher(locked, data), _key_box(locked, box)
    if len(key_box.key_value) < pages.key_size:
        raise locked.damaged(f"encryptedKeyValue of {len(key_box.key_value)} bytes for a key of {pages.key_size}")

    def unlock(password: bytes) -> Decrypt | None:
        key = key_box.open(password)
        if key is None:
            return None
        return lambda page, content: _decrypt(key[: pages.key_size], pages.vector(locked.block_key(page)), content)

    return Scheme(f"AES-{pages.key_size * 8} (Office agile)", unlock)


def _decrypt(key: bytes, vector: bytes, content: bytes) -> bytes:
    return AES.new(key, AES.MODE_CBC, vector).decrypt(content)


def _parse(locked: Locked) -> ElementTree.Element:
    """The XML, without anything that a document type could declare: an entity may expand without bound."""
    try:
        text = locked.info[_XML_START:].rstrip(b"\0").decode("utf-8-sig")
    except UnicodeDecodeError:
        raise locked.damaged("its XML is not UTF-8") from None
    if "<!" in text:
        raise locked.damaged("its XML has a document type or a comment, and Access writes neither")
    try:
        return ElementTree.fromstring(text)  # noqa: S314  # a string of 3 KB at most, without declarations
    except (ElementTree.ParseError, ValueError):
        raise locked.damaged("its XML is malformed") from None


def _cipher(locked: Locked, element: ElementTree.Element) -> _Cipher:
    algorithm, chaining = element.get("cipherAlgorithm", ""), element.get("cipherChaining", "")
    if (algorithm, chaining) != ("AES", "ChainingModeCBC"):
        raise locked.unsupported(f"{algorithm[:30]!r} with {chaining[:30]!r} (Office agile)")
    named = element.get("hashAlgorithm", "")
    if named not in _HASHES:
        raise locked.unsupported(f"keys hashed with {named[:30]!r} (Office agile)")
    salt = _bytes(locked, element, "saltValue")
    if not 1 <= len(salt) <= _LONGEST_SALT or len(salt) != _number(locked, element, "saltSize"):
        raise locked.damaged(f"a salt of {len(salt)} bytes")
    bits = _number(locked, element, "keyBits")
    if bits not in (128, 192, 256) or _number(locked, element, "blockSize") != _BLOCK:
        raise locked.damaged(f"an AES key of {bits} bits, or blocks that AES does not have")
    return _Cipher(_HASHES[named], salt, bits // 8)


def _key_box(locked: Locked, element: ElementTree.Element) -> _KeyBox:
    cipher, spins = _cipher(locked, element), _number(locked, element, "spinCount")
    if spins > _MOST_SPINS:
        raise locked.unsupported(f"a password hashed {spins:,} times, more than {_MOST_SPINS:,}")

    def box(name: str, at_least: int) -> bytes:
        content = _bytes(locked, element, name)
        if len(content) % _BLOCK or len(content) < at_least:
            raise locked.damaged(f"{name} of {len(content)} bytes")
        return content

    return _KeyBox(
        cipher,
        spins,
        box("encryptedVerifierHashInput", len(cipher.salt)),
        box("encryptedVerifierHashValue", len(cipher.hash())),
        box("encryptedKeyValue", cipher.key_size),
    )


def _number(locked: Locked, element: ElementTree.Element, name: str) -> int:
    text = element.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise locked.damaged(f"{name} is {text[:30]!r}")
    return int(text)


def _bytes(locked: Locked, element: ElementTree.Element, name: str) -> bytes:
    try:
        return base64.b64decode(element.get(name, ""), validate=True)
    except ValueError:
        raise locked.damaged(f"{name} is not base64") from None


def _fit(content: bytes, size: int) -> bytes:
    """Cut, or filled with 0x36 as 2.3.4.11 asks."""
    return content[:size].ljust(size, b"\x36")
