"""The words that all schemes share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from pipeline.errors import DamagedSource, UnsupportedSource

Decrypt: TypeAlias = Callable[[int, bytes], bytes]
"""From a page's number and its stored bytes to as many bytes in the clear."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """One way of encryption, with everything that the file says of it checked."""

    name: str
    """For people: `AES-256 (Office agile)`."""
    unlock: Callable[[bytes], Decrypt | None]
    """From the password in UTF-16LE to the pages; None when it is the wrong one."""
    needs_password: bool = True


@dataclass(frozen=True, slots=True)
class Locked:
    """What page 0 tells of its file's encryption, before anything of it is believed."""

    file: str
    key: bytes
    """Four bytes that the number of each page is mixed with."""
    info: bytes
    """EncryptionInfo of [MS-OFFCRYPTO] 2.3; empty where the encryption is Jet's own."""

    def block_key(self, page: int) -> bytes:
        """What makes the key or the start vector of one page differ from the next."""
        return (int.from_bytes(self.key, "little") ^ page).to_bytes(4, "little")

    def damaged(self, what: str) -> DamagedSource:
        return DamagedSource(
            f"{self.file}: the description of its encryption is damaged: {what}", hint="take the file from a backup"
        )

    def unsupported(self, what: str) -> UnsupportedSource:
        return UnsupportedSource(
            f"{self.file}: is encrypted by {what}, which is not read",
            hint="open it in Access, File > Info > Decrypt Database, and use that copy",
        )
