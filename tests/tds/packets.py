"""Messages of TDS and the packets they travel in (MS-TDS 2.2.3)."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from enum import IntEnum

HEADER = struct.Struct(">BBHHBB")
"""Type, status, length with the header, process, packet number, window."""
_LAST = 1
_PACKETS_AT_ONCE = 32


class Kind(IntEnum):
    BATCH = 1
    RPC = 3
    RESPONSE = 4
    ATTENTION = 6
    TRANSACTION = 14
    LOGIN = 16
    PRELOGIN = 18


class Disconnected(Exception):
    """The other side is gone."""


class Channel:
    """Messages over anything that receives and sends bytes; TLS takes the place of the socket's own two functions."""

    def __init__(self, receive: Callable[[int], bytes], send: Callable[[bytes], None]) -> None:
        self.receive, self.send = receive, send
        self.packet_bytes = 4096

    def read(self) -> tuple[int, bytes]:
        """One whole message."""
        content = bytearray()
        while True:
            kind, status, length, *_ = HEADER.unpack(self._exactly(HEADER.size))
            content += self._exactly(length - HEADER.size)
            if status & _LAST:
                return kind, bytes(content)

    def _exactly(self, size: int) -> bytes:
        content = bytearray()
        while len(content) < size:
            part = self.receive(size - len(content))
            if not part:
                raise Disconnected
            content += part
        return bytes(content)

    def write(self, parts: Iterable[bytes], kind: Kind = Kind.RESPONSE) -> None:
        """One whole message.

        Where the parts end with an error of theirs, what they gave goes out first, as the beginning of a message
        that never ends.
        """
        payload, waiting, number = self.packet_bytes - HEADER.size, bytearray(), 1

        def packets(content: bytearray, *, ends: bool) -> None:
            nonlocal number
            out = bytearray()
            for at in range(0, max(len(content), 1), payload):
                part = content[at : at + payload]
                last = ends and at + payload >= len(content)
                out += HEADER.pack(kind, _LAST * last, len(part) + HEADER.size, 0, number & 0xFF, 0) + part
                number += 1
            self.send(bytes(out))

        try:
            for part in parts:
                waiting += part
                if len(waiting) > payload * _PACKETS_AT_ONCE:
                    whole = (len(waiting) - 1) // payload * payload
                    packets(waiting[:whole], ends=False)
                    del waiting[:whole]
        except BaseException:
            if waiting:
                packets(waiting, ends=False)
            raise
        packets(waiting, ends=True)
