"""RC4 of Jet 3 and Jet 4 ("Encode Database"): it hides the pages from editors, not from those who have the file."""

from __future__ import annotations

from Crypto.Cipher import ARC4

from pipeline.sources.access.encryption.scheme import Locked, Scheme


def jet_rc4(locked: Locked) -> Scheme:
    def decrypt(page: int, content: bytes) -> bytes:
        return ARC4.new(locked.block_key(page)).decrypt(content)

    return Scheme("Jet RC4", lambda _: decrypt, needs_password=False)
